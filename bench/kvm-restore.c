/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures restoring and rewinding under KVM, for bench/run. Prints one line "NAME VALUE" per
 * sample, in microseconds. The machine has 128 MiB, one vCPU and a micro-guest.
 *
 *   bare        time of the ioctls that make a VM, a memory slot, the interrupt controllers and
 *               a vCPU
 *   restore     time from an open bake to the first byte that a clone's guest writes
 *   map, devices, irqchip, vcpus, clock
 *               the parts of restore that kt_vm_restore_times() reports
 *   thaw        the rest of restore: from kt_vm_restore() to the first byte
 *   rewind-N    time to rewind a frozen clone, N of whose pages were written to; no two of the
 *               pages are neighbours
 *   inplace     time from the start of a rewind to the first byte; the guest has run before
 *
 * One sample each of bare and restore is taken in turn, PAIRS times.
 *
 * usage: bench-kvm-restore PAIRS KERNEL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/saved.h"
#include "tests/guests/kernel.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/ioctl.h"

#define PAGES_AT (UINT64_C(16) << 20) /* beyond what the guest uses */

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

/* Whether the guest has written a byte. The guest writes once and halts. */
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

/* Waits in the event loop, as sessions do: polling would take the CPU that the vCPU needs. */
static void wait_for_byte(struct saved_machine *b)
{
	heard = false;
	check(kt_fold(kt_loop_run(b->loop, &heard, kt_now_ns() + LIMIT_NS)), NULL);
}

static void bake(struct saved_machine *b, const char *kernel)
{
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
					 .topo = { 1, 1, 1, 1 },
					 .memory_bytes = RAM_BYTES,
					 .kernel_path = kernel,
					 .initrd_fd = -1,
					 .cmdline = "@s" };
	uint64_t deadline = kt_now_ns() + LIMIT_NS, count = 0, go = 1;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm = bench_start(b, &spec, &handlers);

	while (!count)
		check(kt_vm_mem_read(vm, KT_GPA(KT_KERNEL_COUNTER), &count, sizeof(count)), NULL);
	check(kt_vm_freeze(vm, deadline, &diag), &diag);
	check(kt_vm_mem_write(vm, KT_GPA(KT_KERNEL_GO), &go, sizeof(go)), NULL);
	bench_save(b, vm);
}

static void thaw_to_first_byte(struct saved_machine *b, struct kt_vm *vm)
{
	struct kt_diag diag = KT_DIAG_INIT;

	check(kt_vm_thaw(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	wait_for_byte(b);
}

static void time_restore(struct saved_machine *b, bool print)
{
	struct kt_vm_restore_times t;
	uint64_t start = kt_now_ns(), restored;
	struct kt_vm *vm = bench_restore(b, &handlers);
	double took, thaw;

	restored = kt_now_ns();
	thaw_to_first_byte(b, vm);
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

/* The rewind also restores the pages that the guest, or KVM for the guest, has written to. */
static void time_in_place(struct saved_machine *b, struct kt_vm *vm)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start;

	thaw_to_first_byte(b, vm);
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	start = kt_now_ns();
	rewind_machine(vm);
	thaw_to_first_byte(b, vm);
	printf("inplace %.1f\n", microseconds_since(start));
	check(kt_vm_freeze(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
}

int main(int argc, char **argv)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	static const unsigned int pages[] = { 0, 100, 1000, 10000 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm *vm;
	struct saved_machine b;

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
	vm = bench_restore(&b, &handlers);
	for (int i = atoi(argv[1]); i > 0; i--) {
		for (size_t j = 0; j < KT_ARRAY_SIZE(pages); j++)
			time_rewind(vm, pages[j]);
		time_in_place(&b, vm);
	}
	kt_vm_free(vm);
	bench_free(&b);
	return 0;
}
