/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making and freeing a KVM machine, in the order in which its parts depend on each other; see
 * machine.h. States are in machine.c, contents of RAM and registers are left to x86/setup.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine-state.h"
#include "vmm/kvm/host/perf.h"

/*
 * Four pages that KVM needs on Intel processors without "unrestricted guest", in the hole
 * below 4 GiB, outside RAM and devices: one page of identity map, three of task state segment
 * (api.rst, KVM_SET_IDENTITY_MAP_ADDR and KVM_SET_TSS_ADDR).
 */
#define IDENTITY_MAP UINT64_C(0xfffbc000)
#define TSS	     0xfffbd000ul

static int check_spec(const struct kt_kvm_spec *spec, struct kt_diag *diag)
{
	unsigned int vcpus_max = KT_MIN(spec->host->vcpus_max, (unsigned int)KT_CPUS_MAX);

	if (!spec->vcpus || spec->vcpus > vcpus_max)
		return kt_fail(diag, KT_VM_E_SPEC,
			       "%u vCPUs are asked for; this host's KVM allows 1 to %u",
			       spec->vcpus, vcpus_max);
	if (spec->ram->bank_count > spec->host->slots_max)
		return kt_fail(diag, KT_VM_E_SPEC,
			       "%zu banks of RAM are asked for; this host's KVM allows %u",
			       spec->ram->bank_count, spec->host->slots_max);
	return 0;
}

static int create_vm(struct kt_kvm *kvm, const struct kt_kvm_spec *spec, struct kt_diag *diag)
{
	uint64_t identity_map = IDENTITY_MAP;

	KT_TRY(kt_ioctl_value(spec->host->fd, KVM_CREATE_VM, 0, &kvm->vm_fd, diag));
	KT_TRY(kt_ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, diag));
	KT_TRY(kt_ioctl_value(kvm->vm_fd, KVM_SET_TSS_ADDR, TSS, NULL, diag));
	return spec->perf ? kt_forward(kt_kvm_perf_enable(kvm->vm_fd, diag)) : 0;
}

/* One slot per bank, so that each node has slots of its own. */
static int add_slot(struct kt_kvm *kvm, const struct kt_ram *ram, unsigned int index,
		    struct kt_diag *diag)
{
	struct kvm_userspace_memory_region region = {
		.slot = index,
		.guest_phys_addr = ram->banks[index].start.v,
		.memory_size = ram->banks[index].len,
		.userspace_addr = (uintptr_t)ram->host[index],
	};

	return kt_forward(kt_ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region, diag));
}

static int add_slots(struct kt_kvm *kvm, const struct kt_ram *ram, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < ram->bank_count; i++)
		KT_TRY(add_slot(kvm, ram, i, diag));
	return 0;
}

static int add_irqchip(struct kt_kvm *kvm, struct kt_diag *diag)
{
	return kt_forward(kt_ioctl_value(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0, NULL, diag));
}

static int add_vcpus(struct kt_kvm *kvm, const struct kt_kvm_spec *spec, struct kt_diag *diag)
{
	kvm->vcpus = calloc(spec->vcpus, sizeof(*kvm->vcpus));
	kvm->stats = calloc(spec->vcpus, sizeof(*kvm->stats));
	if (!kvm->vcpus || !kvm->stats)
		return kt_raise(-ENOMEM);
	for (unsigned int i = 0; i < spec->vcpus; i++) {
		KT_TRY(kt_vcpu_open(&kvm->vcpus[i], kvm->vm_fd, spec->host->run_bytes, i,
				    spec->apic_ids ? spec->apic_ids[i] : i, diag));
		kvm->vcpu_count++;
	}
	return 0;
}

static void on_vcpu_end(void *arg, const struct kt_kvm_end *end)
{
	kt_kvm_end(arg, end);
}

static void on_vcpu_break(void *arg)
{
	kt_kvm_on_break(arg);
}

static int spawn_threads(struct kt_kvm *kvm, struct kt_diag *diag)
{
	kvm->site = (struct kt_vcpu_site){
		.park = &kvm->park,
		.bus = &kvm->bus,
		.on_end = on_vcpu_end,
		.on_break = on_vcpu_break,
		.arg = kvm,
	};
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		KT_TRY(kt_vcpu_spawn(&kvm->vcpus[i], &kvm->site, diag));
	return 0;
}

static int create_fd(int *ret_fd)
{
	*ret_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *ret_fd < 0 ? kt_raise(-errno) : 0;
}

/*
 * Slots precede the interrupt controllers, which make KVM start an SRCU grace period. Since
 * Linux 6.18 KVM does not wait for its end; a slot that is added afterwards would wait, for a
 * tick or two of the host.
 */
static int set_up(struct kt_kvm *kvm, const struct kt_kvm_spec *spec, struct kt_diag *diag)
{
	KT_TRY(check_spec(spec, diag));
	KT_TRY(create_fd(&kvm->end_fd));
	KT_TRY(create_fd(&kvm->break_fd));
	KT_TRY(create_vm(kvm, spec, diag));
	KT_TRY(add_slots(kvm, spec->ram, diag));
	KT_TRY(add_irqchip(kvm, diag));
	KT_TRY(add_vcpus(kvm, spec, diag));
	KT_TRY(spawn_threads(kvm, diag));
	return spec->perf ? kt_forward(kt_kvm_perf_pin(kvm, diag)) : 0;
}

int kt_kvm_new(struct kt_kvm **ret_kvm, const struct kt_kvm_spec *spec, struct kt_diag *diag)
{
	struct kt_kvm *kvm = calloc(1, sizeof(*kvm));
	int r;

	if (!kvm)
		return kt_raise(-ENOMEM);
	kvm->kvm_fd = spec->host->fd;
	kvm->vm_fd = kvm->end_fd = kvm->break_fd = -1;
	pthread_mutex_init(&kvm->lock, NULL); /* always succeeds with default attributes */
	kt_park_init(&kvm->park, spec->vcpus);
	r = set_up(kvm, spec, diag);
	if (r) {
		if (r < 0)
			kt_diag_cause(diag, "%s", strerror(-r));
		kt_diag_doing(diag, "create the KVM machine");
		kt_kvm_free(kvm);
		return kt_forward(r);
	}
	*ret_kvm = kvm;
	return 0;
}

/* The threads of a machine that was built in part wait in the park. */
static void end_threads(struct kt_kvm *kvm)
{
	bool all = kvm->vcpu_count && kvm->vcpus[kvm->vcpu_count - 1].has_thread;

	if (!all || kt_kvm_stop(kvm, UINT64_MAX, NULL)) {
		kt_park_stop(&kvm->park);
		kt_kvm_join_all(kvm);
	}
	kt_park_deinit(&kvm->park);
}

struct kt_kvm *kt_kvm_free(struct kt_kvm *kvm)
{
	if (!kvm)
		return NULL;
	end_threads(kvm);
	for (unsigned int i = 0; i < kvm->vcpu_count; i++)
		kt_vcpu_close(&kvm->vcpus[i]);
	kt_closep(&kvm->vm_fd);
	kt_closep(&kvm->end_fd);
	kt_closep(&kvm->break_fd);
	pthread_mutex_destroy(&kvm->lock);
	free(kvm->vcpus);
	free(kvm->stats);
	free(kvm);
	return NULL;
}
