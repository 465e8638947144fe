/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures of saved machines under QEMU, for bench/run: lines of "NAME VALUE", one for each
 * sample, in microseconds. The machine has 2 vCPUs and 128 MiB, and was saved while its
 * kernel booted; it is not run.
 *
 *   restore   a clone, from an image that is open, until it could be thawed
 *   rewind-N  in place, with N pages written to, each apart from the next
 *
 * usage: bench-tcg-rewind PAIRS KERNEL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "vmm/image/bake.h"
#include "vmm/vm.h"

#define RAM_BYTES (UINT64_C(128) << 20)
#define LIMIT_NS  (10 * KT_NSEC_PER_SEC)
#define PAGES_AT  (UINT64_C(16) << 20)

struct bench {
	struct kt_loop *loop;
	struct kt_vm_config config;
	char parent[64], dir[KT_PATH_MAX];
	struct kt_bake *bake;
};

static void check(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (!r)
		return;
	fprintf(stderr, "bench-tcg-rewind: %s\n",
		diag && kt_diag_is_set(diag) ? kt_diag_format(diag, text, sizeof(text)) :
					       strerror(abs(r)));
	exit(1);
}

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

static double microseconds_since(uint64_t start_ns)
{
	return (double)(kt_now_ns() - start_ns) / 1e3;
}

static void save(struct bench *b, struct kt_vm *vm)
{
	json_t *facts = kt_vm_facts(&b->config);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bake_draft *draft;

	check(kt_path_format(b->dir, "%s/image", b->parent), &diag);
	check(kt_bake_begin(&draft, b->parent, 1, RAM_BYTES, &diag), &diag);
	check(kt_vm_save(vm, draft, kt_now_ns() + LIMIT_NS, &diag), &diag);
	check(kt_bake_publish(draft, b->dir, facts, &diag), &diag);
	check(kt_bake_open(&b->bake, b->dir, facts, &diag), &diag);
	kt_bake_draft_free(draft);
	json_decref(facts);
}

static void bake(struct bench *b, const char *kernel)
{
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_TCG,
					 .topo = { 1, 1, 2, 1 },
					 .memory_bytes = RAM_BYTES,
					 .kernel_path = kernel,
					 .initrd_fd = -1 };
	uint64_t deadline = kt_now_ns() + LIMIT_NS;
	struct kt_diag diag = KT_DIAG_INIT;
	bool never = false;
	struct kt_vm *vm;

	*b = (struct bench){ .parent = "/tmp/ktest-bench-XXXXXX" };
	check(mkdtemp(b->parent) ? 0 : -errno, &diag);
	check(kt_loop_new(&b->loop, &diag), &diag);
	check(kt_vm_config_init(&b->config, &spec, &diag), &diag);
	check(kt_vm_new(&vm, &b->config, b->loop, &handlers, NULL, &diag), &diag);
	check(kt_vm_start(vm, deadline, &diag), &diag);
	(void)kt_fold(kt_loop_run(b->loop, &never, kt_now_ns() + KT_NSEC_PER_SEC / 2));
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	save(b, vm);
	kt_vm_free(vm);
}

static struct kt_vm *restore(struct bench *b)
{
	const struct kt_vm_restore_spec spec = { .config = &b->config, .bake = b->bake };
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start = kt_now_ns();
	struct kt_vm *vm;

	check(kt_vm_restore(&vm, &spec, b->loop, &handlers, NULL, kt_now_ns() + LIMIT_NS, &diag),
	      &diag);
	printf("restore %.1f\n", microseconds_since(start));
	return vm;
}

/* A clone for each number: what was written to once is taken back each time. */
static void time_rewinds(struct bench *b, unsigned int pages)
{
	struct kt_vm *vm = restore(b);
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start;

	check(kt_vm_rewind(vm, &diag), &diag);
	for (uint64_t i = 0; i < pages; i++)
		check(kt_vm_mem_write(vm, KT_GPA(PAGES_AT + i * 0x2000), "x", 1), NULL);
	for (int i = 0; i < 10; i++) {
		start = kt_now_ns();
		check(kt_vm_rewind(vm, &diag), &diag);
		printf("rewind-%u %.1f\n", pages, microseconds_since(start));
	}
	kt_vm_free(vm);
}

int main(int argc, char **argv)
{
	static const unsigned int pages[] = { 0, 1000, 10000 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct bench b;

	if (argc < 3) {
		fputs("usage: bench-tcg-rewind PAIRS KERNEL\n", stderr);
		return 2;
	}
	bake(&b, argv[2]);
	for (int i = atoi(argv[1]); i > 0; i--)
		for (size_t j = 0; j < KT_ARRAY_SIZE(pages); j++)
			time_rewinds(&b, pages[j]);
	kt_bake_free(b.bake);
	kt_loop_free(b.loop);
	check(kt_remove_tree(b.parent), &diag);
	return 0;
}
