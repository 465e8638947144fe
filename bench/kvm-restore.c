/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures of saved machines under KVM, for bench/run: lines of "NAME VALUE", one for each
 * sample, in microseconds. The machine is a micro-guest with 128 MiB and one vCPU.
 *
 *   bare        the bare ioctls: VM, memory slot, interrupt controllers, vCPU
 *   restore     a clone, from an image that is open, to its first step
 *   map, devices, irqchip, vcpus, clock  of which, as kt_vm_restore_times() has them
 *   thaw        of which, from the restored machine to that step
 *   rewind-N    in place, with N pages written to, each apart from the next
 *   inplace     in place, after the guest has run, to its first step
 *
 * bare and restore are taken in turn.
 *
 * usage: bench-kvm-restore PAIRS KERNEL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "tests/guests/kernel.h"
#include "vmm/image/bake.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/vm.h"

#define RAM_BYTES (UINT64_C(128) << 20)
#define LIMIT_NS  (10 * KT_NSEC_PER_SEC)
#define PAGES_AT  (UINT64_C(16) << 20) /* beyond what the guest uses */

static void check(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (!r)
		return;
	fprintf(stderr, "bench-kvm-restore: %s\n",
		kt_diag_is_set(diag) ? kt_diag_format(diag, text, sizeof(text)) : strerror(abs(r)));
	exit(1);
}

static double microseconds_since(uint64_t start_ns)
{
	return (double)(kt_now_ns() - start_ns) / 1e3;
}

static double time_bare(const struct kt_kvm_host *host)
{
	void *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct kvm_userspace_memory_region region = { .memory_size = RAM_BYTES,
						      .userspace_addr = (uintptr_t)ram };
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start = kt_now_ns();
	int vm, vcpu;
	double took;

	check(kt_ioctl_value(host->fd, KVM_CREATE_VM, 0, &vm, &diag), &diag);
	check(kt_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region, &diag), &diag);
	check(kt_ioctl_value(vm, KVM_CREATE_IRQCHIP, 0, NULL, &diag), &diag);
	check(kt_ioctl_value(vm, KVM_CREATE_VCPU, 0, &vcpu, &diag), &diag);
	took = microseconds_since(start);
	close(vcpu);
	close(vm);
	munmap(ram, RAM_BYTES);
	return took;
}

/* ---- machines ---- */

/* The guest says one thing and halts: that it comes is its first step. */
static bool heard;

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
	heard = true;
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
	check(-ECANCELED, &end->diag);
}

static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };

struct bench {
	struct kt_loop *loop;
	struct kt_vm_config config;
	char parent[64], dir[KT_PATH_MAX];
	struct kt_bake *bake;
};

/* Waits as the product does, and not for a CPU that the vCPU would need. */
static void wait_step(struct bench *b)
{
	heard = false;
	check(kt_fold(kt_loop_run(b->loop, &heard, kt_now_ns() + LIMIT_NS)), NULL);
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
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
					 .topo = { 1, 1, 1, 1 },
					 .memory_bytes = RAM_BYTES,
					 .kernel_path = kernel,
					 .initrd_fd = -1,
					 .cmdline = "@s" };
	uint64_t deadline = kt_now_ns() + LIMIT_NS, count = 0, go = 1;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;

	*b = (struct bench){ .parent = "/tmp/ktest-bench-XXXXXX" };
	check(mkdtemp(b->parent) ? 0 : -errno, &diag);
	check(kt_loop_new(&b->loop, &diag), &diag);
	check(kt_vm_config_init(&b->config, &spec, &diag), &diag);
	check(kt_vm_new(&vm, &b->config, b->loop, &handlers, NULL, &diag), &diag);
	check(kt_vm_start(vm, deadline, &diag), &diag);
	while (!count)
		check(kt_vm_mem_read(vm, KT_GPA(KT_KERNEL_COUNTER), &count, sizeof(count)), NULL);
	check(kt_vm_freeze(vm, deadline, &diag), &diag);
	check(kt_vm_mem_write(vm, KT_GPA(KT_KERNEL_GO), &go, sizeof(go)), NULL);
	save(b, vm);
	kt_vm_free(vm);
}

static struct kt_vm *restore(struct bench *b)
{
	const struct kt_vm_restore_spec spec = { .config = &b->config, .bake = b->bake };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;

	check(kt_vm_restore(&vm, &spec, b->loop, &handlers, NULL, kt_now_ns() + LIMIT_NS, &diag),
	      &diag);
	return vm;
}

static void thaw_to_first_step(struct bench *b, struct kt_vm *vm)
{
	struct kt_diag diag = KT_DIAG_INIT;

	check(kt_vm_thaw(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	wait_step(b);
}

static void time_restore(struct bench *b, bool print)
{
	struct kt_vm_restore_times t;
	uint64_t start = kt_now_ns(), restored;
	struct kt_vm *vm = restore(b);
	double took, thaw;

	restored = kt_now_ns();
	thaw_to_first_step(b, vm);
	took = microseconds_since(start);
	thaw = microseconds_since(restored);
	kt_vm_restore_times(vm, &t);
	if (print)
		printf("restore %.1f\nthaw %.1f\nmap %.1f\ndevices %.1f\nirqchip %.1f\nvcpus %.1f\n"
		       "clock %.1f\n",
		       took, thaw, (double)t.map_ns / 1e3, (double)t.devices_ns / 1e3,
		       (double)t.irqchip_ns / 1e3, (double)t.vcpus_ns / 1e3,
		       (double)t.clock_ns / 1e3);
	kt_vm_free(vm);
}

static void rewind_machine(struct kt_vm *vm)
{
	struct kt_diag diag = KT_DIAG_INIT;

	check(kt_vm_rewind(vm, &diag), &diag);
}

static void time_rewind(struct kt_vm *vm, unsigned int pages)
{
	uint64_t start;

	for (uint64_t i = 0; i < pages; i++)
		check(kt_vm_mem_write(vm, KT_GPA(PAGES_AT + i * 0x2000), "x", 1), NULL);
	start = kt_now_ns();
	rewind_machine(vm);
	printf("rewind-%u %.1f\n", pages, microseconds_since(start));
}

/* What the guest has written to, and KVM for it, comes on top. */
static void time_in_place(struct bench *b, struct kt_vm *vm)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start;

	thaw_to_first_step(b, vm);
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	start = kt_now_ns();
	rewind_machine(vm);
	thaw_to_first_step(b, vm);
	printf("inplace %.1f\n", microseconds_since(start));
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
}

int main(int argc, char **argv)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	static const unsigned int pages[] = { 0, 100, 1000, 10000 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;
	struct bench b;

	if (argc < 3) {
		fputs("usage: bench-kvm-restore PAIRS KERNEL\n", stderr);
		return 2;
	}
	check(kt_kvm_host_open(&host, KT_KVM_DEVICE, &diag), &diag);
	bake(&b, argv[2]);
	time_bare(&host);
	time_restore(&b, false);
	for (int i = atoi(argv[1]); i > 0; i--) {
		printf("bare %.1f\n", time_bare(&host));
		time_restore(&b, true);
	}
	vm = restore(&b);
	for (int i = atoi(argv[1]); i > 0; i--) {
		for (size_t j = 0; j < KT_ARRAY_SIZE(pages); j++)
			time_rewind(vm, pages[j]);
		time_in_place(&b, vm);
	}
	kt_vm_free(vm);
	kt_bake_free(b.bake);
	kt_loop_free(b.loop);
	check(kt_remove_tree(b.parent), &diag);
	return 0;
}
