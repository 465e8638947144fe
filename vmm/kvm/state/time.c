/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest time across a freeze and a restore; see time.h, which has the method. */
#include <string.h>
#include <x86intrin.h>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/time.h"

/* struct kvm_msrs with one entry. */
struct one_msr {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry entry;
};

/* 0 if the vCPU does not have the MSR: without deadline timers none is armed. */
static uint64_t read_msr(int fd, uint32_t index)
{
	struct one_msr msr = { .nmsrs = 1, .entry.index = index };

	return ioctl(fd, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : 0;
}

static int write_deadline(int fd, uint64_t deadline, struct kt_diag *diag)
{
	struct one_msr msr = { .nmsrs = 1,
			       .entry = { .index = KT_KVM_MSR_TSC_DEADLINE, .data = deadline } };
	int n;

	n = ioctl(fd, KVM_SET_MSRS, &msr);
	if (n == 1)
		return 0;
	n = n < 0 ? -errno : -EIO;
	return kt_fail(diag, kt_raise(n), "KVM_SET_MSRS: the deadline timer cannot be set");
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

static int read_offset(int fd, uint64_t *ret_offset, struct kt_diag *diag)
{
	struct kvm_device_attr attr = offset_attr(ret_offset);

	return kt_forward(kt_ioctl(fd, KVM_GET_DEVICE_ATTR, &attr, diag));
}

/*
 * KVM treats vCPUs with equal offsets as synchronous. *ret_off: ticks by which the guest's
 * TSC is ahead of the wanted value, on a host that cannot move it.
 */
static int write_offset(int fd, uint64_t offset, uint64_t *ret_off, struct kt_diag *diag)
{
	uint64_t value = offset;
	struct kvm_device_attr attr = offset_attr(&value);

	KT_TRY(kt_ioctl(fd, KVM_SET_DEVICE_ATTR, &attr, diag));
	KT_TRY(read_offset(fd, &value, diag));
	*ret_off = value - offset;
	return 0;
}

static int move_tsc(int fd, uint64_t ticks, uint64_t *ret_off, struct kt_diag *diag)
{
	uint64_t offset;

	KT_TRY(read_offset(fd, &offset, diag));
	return kt_forward(write_offset(fd, offset - ticks, ret_off, diag));
}

static int read_count(int fd, uint32_t *ret_count, struct kt_diag *diag)
{
	struct kvm_lapic_state lapic;
	int r = kt_ioctl(fd, KVM_GET_LAPIC, &lapic, diag);

	memcpy(ret_count, lapic.regs + KT_KVM_LAPIC_COUNT_AT, sizeof(*ret_count));
	return kt_forward(r);
}

/* KVM continues from the current count when the LAPIC's state is set. */
static int write_count(int fd, uint32_t count, struct kt_diag *diag)
{
	struct kvm_lapic_state lapic;

	if (!count)
		return 0;
	KT_TRY(kt_ioctl(fd, KVM_GET_LAPIC, &lapic, diag));
	memcpy(lapic.regs + KT_KVM_LAPIC_COUNT_AT, &count, sizeof(count));
	return kt_forward(kt_ioctl(fd, KVM_SET_LAPIC, &lapic, diag));
}

/* Reads the clocks first, because timers go on while they are read. */
static int save(struct kt_kvm *kvm, struct kt_kvm_time *time, struct kt_diag *diag)
{
	int first = kt_kvm_vcpu(kvm, 0)->fd;
	uint64_t offset;

	time->host_tsc = __rdtsc();
	if (has_offset(first)) {
		KT_TRY(read_offset(first, &offset, diag));
		time->guest_tsc = time->host_tsc + offset;
	} else {
		time->guest_tsc = read_msr(first, KT_KVM_MSR_TSC);
	}
	KT_TRY(kt_ioctl(kt_kvm_vm_fd(kvm), KVM_GET_CLOCK, &time->clock, diag));
	for (unsigned int i = 0; i < kt_kvm_vcpu_count(kvm); i++) {
		int fd = kt_kvm_vcpu(kvm, i)->fd;

		time->deadlines[i] = read_msr(fd, KT_KVM_MSR_TSC_DEADLINE);
		KT_TRY(read_count(fd, &time->counts[i], diag));
	}
	return 0;
}

int kt_kvm_time_save(struct kt_kvm *kvm, struct kt_kvm_time *ret_time, struct kt_diag *diag)
{
	int r = save(kvm, ret_time, diag);

	return kt_doing(diag, r, "save the guest's time");
}

/* -EINVAL, ignored: the guest does not use the kvm-clock. */
static void tell_guest(struct kt_kvm *kvm)
{
	for (unsigned int i = 0; i < kt_kvm_vcpu_count(kvm); i++)
		ioctl(kt_kvm_vcpu(kvm, i)->fd, KVM_KVMCLOCK_CTRL, 0);
}

static int set_clock(struct kt_kvm *kvm, const struct kt_kvm_time *time, struct kt_diag *diag)
{
	struct kvm_clock_data clock = { .clock = time->clock.clock };

	return kt_forward(kt_ioctl(kt_kvm_vm_fd(kvm), KVM_SET_CLOCK, &clock, diag));
}

/* Sets all TSCs before the first timer, because KVM converts timers to host time by the TSC. */
static int restore(struct kt_kvm *kvm, const struct kt_kvm_time *time, struct kt_diag *diag)
{
	unsigned int vcpus = kt_kvm_vcpu_count(kvm);
	bool exact = has_offset(kt_kvm_vcpu(kvm, 0)->fd);
	uint64_t ticks = __rdtsc() - time->host_tsc, off = 0;

	for (unsigned int i = 0; exact && i < vcpus; i++)
		KT_TRY(move_tsc(kt_kvm_vcpu(kvm, i)->fd, ticks, &off, diag));
	for (unsigned int i = 0; i < vcpus; i++) {
		int fd = kt_kvm_vcpu(kvm, i)->fd;

		if (exact && time->deadlines[i])
			KT_TRY(write_deadline(fd, time->deadlines[i] + off, diag));
		KT_TRY(write_count(fd, time->counts[i], diag));
	}
	KT_TRY(set_clock(kvm, time, diag));
	if (!exact)
		tell_guest(kvm);
	return 0;
}

int kt_kvm_time_restore(struct kt_kvm *kvm, const struct kt_kvm_time *time, struct kt_diag *diag)
{
	int r = restore(kvm, time, diag);

	return kt_doing(diag, r, "restore the guest's time");
}

static int take_over(struct kt_kvm *kvm, struct kt_kvm_time *time, struct kt_diag *diag)
{
	unsigned int vcpus = kt_kvm_vcpu_count(kvm);
	bool exact = has_offset(kt_kvm_vcpu(kvm, 0)->fd);
	uint64_t off = 0;

	time->host_tsc = __rdtsc();
	for (unsigned int i = 0; exact && i < vcpus; i++)
		KT_TRY(write_offset(kt_kvm_vcpu(kvm, i)->fd, time->guest_tsc - time->host_tsc, &off,
				    diag));
	time->guest_tsc += off;
	for (unsigned int i = 0; i < vcpus; i++)
		if (time->deadlines[i])
			time->deadlines[i] += off;
	KT_TRY(set_clock(kvm, time, diag));
	tell_guest(kvm);
	return 0;
}

int kt_kvm_time_take_over(struct kt_kvm *kvm, struct kt_kvm_time *time, struct kt_diag *diag)
{
	int r = take_over(kvm, time, diag);

	return kt_doing(diag, r, "set the guest's time");
}
