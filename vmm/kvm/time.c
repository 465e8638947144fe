/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest time across a freeze; see time.h. */
#include <x86intrin.h>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine.h"
#include "vmm/kvm/time.h"

#define MSR_TSC_DEADLINE UINT32_C(0x6e0) /* Intel SDM vol. 4, table 2-2 */

/* struct kvm_msrs with room for one. */
struct one_msr {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry entry;
};

/* A machine without deadline timers refuses the MSR, which is as good as 0. */
static uint64_t read_deadline(int fd)
{
	struct one_msr msr = { .nmsrs = 1, .entry.index = MSR_TSC_DEADLINE };

	return ioctl(fd, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : 0;
}

static int write_deadline(int fd, uint64_t deadline, struct kt_diag *diag)
{
	struct one_msr msr = { .nmsrs = 1,
			       .entry = { .index = MSR_TSC_DEADLINE, .data = deadline } };
	int n;

	if (!deadline)
		return 0;
	n = ioctl(fd, KVM_SET_MSRS, &msr);
	if (n == 1)
		return 0;
	n = n < 0 ? -errno : -EIO;
	kt_diag_cause(diag, "KVM_SET_MSRS: the deadline timer cannot be set");
	return kt_raise(n);
}

static struct kvm_device_attr offset_attr(uint64_t *offset)
{
	return (struct kvm_device_attr){ .group = KVM_VCPU_TSC_CTRL,
					 .attr = KVM_VCPU_TSC_OFFSET,
					 .addr = (uintptr_t)offset };
}

static bool has_offset(int fd)
{
	struct kvm_device_attr attr = offset_attr(NULL);

	return !ioctl(fd, KVM_HAS_DEVICE_ATTR, &attr);
}

/* KVM recognises vCPUs with equal offsets as synchronous. */
static int move_tsc(int fd, uint64_t ticks, struct kt_diag *diag)
{
	uint64_t offset;
	struct kvm_device_attr attr = offset_attr(&offset);
	int r = kt_ioctl(fd, KVM_GET_DEVICE_ATTR, &attr, diag);

	if (r)
		return kt_forward(r);
	offset -= ticks;
	return kt_forward(kt_ioctl(fd, KVM_SET_DEVICE_ATTR, &attr, diag));
}

int kt_kvm_time_save(struct kt_kvm *kvm, struct kt_kvm_time *ret_time, struct kt_diag *diag)
{
	int r;

	for (unsigned int i = 0; i < kt_kvm_vcpu_count(kvm); i++)
		ret_time->deadlines[i] = read_deadline(kt_kvm_vcpu(kvm, i)->fd);
	ret_time->host_tsc = __rdtsc();
	r = kt_ioctl(kt_kvm_vm_fd(kvm), KVM_GET_CLOCK, &ret_time->clock, diag);
	if (r)
		kt_diag_doing(diag, "save the guest's time");
	return kt_forward(r);
}

/* The guest that has not asked for a kvm-clock cannot be told: -EINVAL. */
static void tell_guest(struct kt_kvm *kvm)
{
	for (unsigned int i = 0; i < kt_kvm_vcpu_count(kvm); i++)
		ioctl(kt_kvm_vcpu(kvm, i)->fd, KVM_KVMCLOCK_CTRL, 0);
}

static int restore(struct kt_kvm *kvm, const struct kt_kvm_time *time, struct kt_diag *diag)
{
	struct kvm_clock_data clock = { .clock = time->clock.clock };
	unsigned int vcpus = kt_kvm_vcpu_count(kvm);
	bool exact = has_offset(kt_kvm_vcpu(kvm, 0)->fd);
	uint64_t ticks = __rdtsc() - time->host_tsc;
	int r = 0;

	for (unsigned int i = 0; exact && i < vcpus && !r; i++)
		r = move_tsc(kt_kvm_vcpu(kvm, i)->fd, ticks, diag);
	for (unsigned int i = 0; exact && i < vcpus && !r; i++)
		r = write_deadline(kt_kvm_vcpu(kvm, i)->fd, time->deadlines[i], diag);
	r = r ?: kt_ioctl(kt_kvm_vm_fd(kvm), KVM_SET_CLOCK, &clock, diag);
	if (!exact && !r)
		tell_guest(kvm);
	return kt_forward(r);
}

int kt_kvm_time_restore(struct kt_kvm *kvm, const struct kt_kvm_time *time, struct kt_diag *diag)
{
	int r = restore(kvm, time, diag);

	if (r)
		kt_diag_doing(diag, "restore the guest's time");
	return kt_forward(r);
}
