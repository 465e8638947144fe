/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures machines under KVM without booting Linux, for bench/run. Prints one line "NAME VALUE"
 * per sample; times are in microseconds, sizes in KiB.
 *
 *   bare      time of the ioctls that make a VM, its interrupt controllers, a memory slot and a
 *             vCPU, in this order
 *   ordered   time of the same ioctls with the memory slot before the interrupt controllers,
 *             which saves a wait (machine-build.c)
 *   machine   time from nothing to the first exit of a machine that vmm/kvm/ makes
 *   freeze    time to freeze and thaw 4 running vCPUs
 *   memory    growth of this process's resident memory, anonymous and file pages, by a machine
 *             into which Linux was loaded; only with KERNEL
 *   tables    growth of this process's page tables by the same machine
 *
 * One sample each of bare, ordered and machine is taken in turn, PAIRS times.
 *
 * usage: bench-kvm PAIRS FREEZES [KERNEL]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "bench/common.h"
#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine.h"

#define RAM_BYTES   (UINT64_C(2) << 20)
#define CODE	    0x8000u
#define STACK	    0x90000u
#define COUNTERS    0xa0000u
#define PORT	    0x80u
#define LIMIT_NS    (10 * KT_NSEC_PER_SEC)
#define FREEZE_CPUS 4u

/* out %al,$0x80; 1: incq (%rdi); jmp 1b */
static const uint8_t code[] = { 0xe6, PORT, 0x48, 0xff, 0x07, 0xeb, 0xfb };

/* ---- bare ioctls ---- */

static int add_slot(int vm, void *ram, struct kt_diag *diag)
{
	struct kvm_userspace_memory_region region = { .memory_size = RAM_BYTES,
						      .userspace_addr = (uintptr_t)ram };

	return kt_forward(kt_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region, diag));
}

static double time_bare(const struct kt_kvm_host *host, bool slot_first)
{
	void *ram =
		mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start = kt_now_ns();
	int vm, vcpu;
	double took;

	check(kt_ioctl_value(host->fd, KVM_CREATE_VM, 0, &vm, &diag), &diag);
	if (slot_first)
		check(add_slot(vm, ram, &diag), &diag);
	check(kt_ioctl_value(vm, KVM_CREATE_IRQCHIP, 0, NULL, &diag), &diag);
	if (!slot_first)
		check(add_slot(vm, ram, &diag), &diag);
	check(kt_ioctl_value(vm, KVM_CREATE_VCPU, 0, &vcpu, &diag), &diag);
	took = microseconds_since(start);
	close(vcpu);
	close(vm);
	munmap(ram, RAM_BYTES);
	return took;
}

/* ---- a machine ---- */

struct machine {
	struct kt_ram ram;
	struct kt_kvm *kvm;
	uint64_t exit_ns; /* time of the latest exit, CLOCK_MONOTONIC */
	int exit_fd;	  /* counts the exits of all vCPUs */
};

static void on_exit_of_guest(void *arg, const struct kt_bus_access *access)
{
	struct machine *m = arg;

	__atomic_store_n(&m->exit_ns, kt_now_ns(), __ATOMIC_RELAXED);
	eventfd_write(m->exit_fd, 1);
}

static void make_machine(struct machine *m, const struct kt_kvm_host *host, unsigned int vcpus)
{
	const struct kt_bus_trap trap = { PORT, 1, on_exit_of_guest, m };
	const struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kt_kvm_spec spec = { .host = host, .ram = &m->ram, .vcpus = vcpus };
	struct kt_diag diag = KT_DIAG_INIT;

	m->exit_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	kt_ram_layout(&m->ram, 1, RAM_BYTES, RAM_BYTES, RAM_BYTES);
	check(kt_ram_create(&m->ram), &diag);
	check(kt_ram_attach(&m->ram), &diag);
	kt_flat_tables(m->ram.host[0]);
	memcpy(m->ram.host[0] + CODE, code, sizeof(code));
	check(kt_kvm_new(&m->kvm, &spec, &diag), &diag);
	check(kt_bus_add(kt_kvm_bus(m->kvm), KT_BUS_PORT, &trap), &diag);
	for (unsigned int i = 0; i < vcpus; i++) {
		int fd = kt_kvm_vcpu(m->kvm, i)->fd;

		check(kt_flat_enter(host->fd, fd, CODE, STACK, COUNTERS + i * 64, &diag), &diag);
		check(kt_ioctl(fd, KVM_SET_MP_STATE, &runnable, &diag), &diag);
	}
	check(kt_kvm_start(m->kvm, &diag), &diag);
	for (unsigned int i = 0; i < vcpus; i++) {
		eventfd_t one;

		check(eventfd_read(m->exit_fd, &one) ? -errno : 0, &diag);
	}
}

static void free_machine(struct machine *m)
{
	kt_kvm_free(m->kvm);
	kt_ram_deinit(&m->ram);
	close(m->exit_fd);
}

static double time_machine(const struct kt_kvm_host *host)
{
	uint64_t start = kt_now_ns();
	struct machine m;
	double took;

	make_machine(&m, host, 1);
	took = (double)(m.exit_ns - start) / 1e3;
	free_machine(&m);
	return took;
}

static void time_freezes(const struct kt_kvm_host *host, unsigned int count)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct machine m;

	make_machine(&m, host, FREEZE_CPUS);
	for (unsigned int i = 0; i < count; i++) {
		uint64_t start = kt_now_ns();

		check(kt_kvm_freeze(m.kvm, start + LIMIT_NS, &diag), &diag);
		check(kt_kvm_thaw(m.kvm, &diag), &diag);
		printf("freeze %.1f\n", microseconds_since(start));
	}
	free_machine(&m);
}

/* ---- memory ---- */

struct usage {
	unsigned long anonymous, file, tables; /* KiB */
};

/* Fields of proc_pid_status(5). Guest RAM is shared memory: RssShmem counts it, no field here. */
static struct usage read_usage(void)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(64u << 10);
	struct usage usage = { 0 };
	struct {
		const char *name;
		unsigned long *value;
	} fields[] = { { "RssAnon:", &usage.anonymous },
		       { "RssFile:", &usage.file },
		       { "VmPTE:", &usage.tables } };

	check(kt_read_file("/proc/self/status", &text), NULL);
	for (size_t i = 0; i < KT_ARRAY_SIZE(fields); i++) {
		const char *at = strstr(kt_buf_str(&text), fields[i].name);

		check(at && sscanf(at + strlen(fields[i].name), "%lu", fields[i].value) == 1 ?
			      0 :
			      -ENOMSG,
		      NULL);
	}
	return usage;
}

static void on_data(void *arg, enum kt_vm_stream stream, const void *data, size_t len)
{
}

static void on_end(void *arg, const struct kt_vm_end *end)
{
}

static void measure_memory(const char *kernel)
{
	static const struct kt_vm_handlers handlers = { .on_data = on_data, .on_end = on_end };
	const struct kt_vm_spec spec = { .accel = KT_ACCEL_KVM,
					 .topo = { 1, 1, 2, 1 },
					 .memory_bytes = UINT64_C(512) << 20,
					 .kernel_path = kernel,
					 .initrd_fd = -1 };
	struct usage before = read_usage(), after;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_config config;
	struct kt_loop *loop;
	struct kt_vm *vm;

	check(kt_loop_new(&loop, &diag), &diag);
	check(kt_vm_config_init(&config, &spec, &diag), &diag);
	check(kt_vm_new(&vm, &config, loop, &handlers, NULL, &diag), &diag);
	check(kt_vm_start(vm, kt_now_ns() + LIMIT_NS, &diag), &diag);
	after = read_usage();
	printf("memory %lu\n", after.anonymous + after.file - before.anonymous - before.file);
	printf("tables %lu\n", after.tables - before.tables);
	kt_vm_free(vm);
	kt_loop_free(loop);
}

int main(int argc, char **argv)
{
	_cleanup_(kt_kvm_host_close) struct kt_kvm_host host = KT_KVM_HOST_INIT;
	struct kt_diag diag = KT_DIAG_INIT;

	if (argc < 3) {
		fputs("usage: bench-kvm PAIRS FREEZES [KERNEL]\n", stderr);
		return 2;
	}
	check(kt_kvm_host_open(&host, KT_KVM_DEVICE, &diag), &diag);
	if (argc > 3)
		measure_memory(argv[3]);
	time_bare(&host, false);
	time_bare(&host, true);
	time_machine(&host);
	for (int i = atoi(argv[1]); i > 0; i--) {
		printf("bare %.1f\n", time_bare(&host, false));
		printf("ordered %.1f\n", time_bare(&host, true));
		printf("machine %.1f\n", time_machine(&host));
	}
	time_freezes(&host, (unsigned int)atoi(argv[2]));
	return 0;
}
