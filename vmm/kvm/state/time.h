/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest time stands still while the machine is frozen. Between saving and
 * restoring, no vCPU runs.
 *
 * The guest's clocks are its TSC, which is the host's plus an offset, and the
 * kvm-clock, which KVM computes from the TSC and a point of departure. Both are
 * set back by the length of the pause, the TSC by the same amount on every
 * vCPU, so that they stay as synchronous as they were. A deadline timer that is
 * armed for a value of the TSC is armed again, because KVM has turned the value
 * into host time, and may have seen it pass. A LAPIC's counting timer, which KVM
 * runs in host time as well, is given back the count that it had.
 *
 * Hosts before Linux 5.16 cannot set the offset (KVM_VCPU_TSC_CTRL). There the
 * kvm-clock alone is set back and the guest is told that it was stopped
 * (KVM_KVMCLOCK_CTRL), for which its watchdogs allow. A host that takes the offset
 * and shows its own TSC all the same has deadlines moved by what it is off, so
 * that they come when the time that was left is over.
 *
 * A machine that is restored from an image is one whose time was saved elsewhere:
 * all its vCPUs get one offset, by which the TSC is what it was at the save. What
 * the host's TSC or clock were then does not matter, so neither does the time that
 * lies between, or whether the host was started anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

struct kt_kvm;

struct kt_kvm_time {
	uint64_t host_tsc;  /* when it was saved */
	uint64_t guest_tsc; /* then; of the first vCPU */
	struct kvm_clock_data clock;
	uint64_t deadlines[KT_CPUS_MAX]; /* IA32_TSC_DEADLINE; 0: not armed */
	uint32_t counts[KT_CPUS_MAX];	 /* LAPIC's current count; 0: its timer does not count */
};

/* Where a LAPIC keeps the current count of its timer: SDM vol. 3, 11.5.4. */
#define KT_KVM_LAPIC_COUNT_AT 0x390

#define KT_KVM_MSR_TSC		UINT32_C(0x10)	/* Intel SDM vol. 4, table 2-2 */
#define KT_KVM_MSR_TSC_DEADLINE UINT32_C(0x6e0) /* likewise */

/* All vCPUs are parked. Negative errno with diag. */
int kt_kvm_time_save(struct kt_kvm *kvm, struct kt_kvm_time *ret_time,
		     struct kt_diag *diag) _kt_must_check_;
int kt_kvm_time_restore(struct kt_kvm *kvm, const struct kt_kvm_time *time,
			struct kt_diag *diag) _kt_must_check_;

/*
 * Gives a machine that does not run the time that another one was saved at. time
 * has guest_tsc, clock, deadlines and counts; it becomes as if it had been saved
 * now, for kt_kvm_time_restore() to go on from. Before the first vCPU runs.
 */
int kt_kvm_time_take_over(struct kt_kvm *kvm, struct kt_kvm_time *time,
			  struct kt_diag *diag) _kt_must_check_;
