/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures restoring and rewinding under tcg, for bench/run. Prints one line "NAME VALUE" per
 * sample, in microseconds. The machine has 2 vCPUs and 128 MiB and is saved 0.5 s after its start,
 * while its kernel boots; its clones are never thawed.
 *
 *   restore   time of kt_vm_restore() from an open bake
 *   rewind-N  time to rewind a clone, N of whose pages were written to; no two of the pages are
 *             neighbours
 *
 * usage: bench-tcg-rewind PAIRS KERNEL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/saved.h"

#define PAGES_AT (UINT64_C(16) << 20)

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

static void bake(struct saved_machine *b, const char *kernel)
{
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_TCG,
					 .topo = { 1, 1, 2, 1 },
					 .memory_bytes = RAM_BYTES,
					 .kernel_path = kernel,
					 .initrd_fd = -1 };
	struct kt_diag diag = KT_DIAG_INIT;
	bool never = false;
	struct kt_vm *vm = bench_start(b, &spec, &handlers);

	(void)kt_fold(kt_loop_run(b->loop, &never, kt_now_ns() + KT_NSEC_PER_SEC / 2));
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	bench_save(b, vm);
}

static struct kt_vm *restore(struct saved_machine *b)
{
	uint64_t start = kt_now_ns();
	struct kt_vm *vm = bench_restore(b, &handlers);

	printf("restore %.1f\n", microseconds_since(start));
	return vm;
}

/* Each number of pages has a clone of its own: a page written once is rewound every time. */
static void time_rewinds(struct saved_machine *b, unsigned int pages)
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
	struct saved_machine b;

	if (argc < 3) {
		fputs("usage: bench-tcg-rewind PAIRS KERNEL\n", stderr);
		return 2;
	}
	bake(&b, argv[2]);
	for (int i = atoi(argv[1]); i > 0; i--)
		for (size_t j = 0; j < KT_ARRAY_SIZE(pages); j++)
			time_rewinds(&b, pages[j]);
	bench_free(&b);
	return 0;
}
