/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes guest time stand still while the machine is frozen. No vCPU runs between saving and
 * restoring time.
 *
 * The guest's clocks are the TSC, which is the host's TSC plus an offset, and the kvm-clock,
 * which KVM computes from the TSC and a starting point. Restoring sets both back by the
 * length of the pause, the TSC by the same amount on every vCPU, so that the vCPUs stay
 * synchronous. It sets again every deadline timer that is armed, because KVM has turned the
 * deadline into host time, and may have seen it pass; and the current count of a LAPIC's
 * counting timer, which KVM runs in host time, too.
 *
 * On hosts before Linux 5.16 the offset cannot be set (KVM_VCPU_TSC_CTRL). There, restoring
 * sets back only the kvm-clock and tells the guest that it was stopped (KVM_KVMCLOCK_CTRL),
 * so that its watchdogs do not fire. A host that accepts the offset and shows its own TSC all
 * the same gets deadlines moved by the difference, so that they come when the remaining time
 * is over.
 *
 * A clone takes over the time of a bake: all its vCPUs get the offset with which the TSC is
 * that of the save. So neither the time since the save, nor the host's TSC and clock at the
 * save, nor a reboot of the host make a difference.
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
	uint64_t host_tsc;  /* at the save */
	uint64_t guest_tsc; /* of the first vCPU, at the save */
	struct kvm_clock_data clock;
	uint64_t deadlines[KT_CPUS_MAX]; /* IA32_TSC_DEADLINE; 0: not armed */
	uint32_t counts[KT_CPUS_MAX]; /* current count of the LAPIC's timer; 0: it does not count */
};

/* Offset of the current count in a LAPIC's registers: SDM vol. 3, 11.5.4. */
#define KT_KVM_LAPIC_COUNT_AT 0x390

#define KT_KVM_MSR_TSC		UINT32_C(0x10)	/* Intel SDM vol. 4, table 2-2 */
#define KT_KVM_MSR_TSC_DEADLINE UINT32_C(0x6e0) /* Intel SDM vol. 4, table 2-2 */

/* Save and restore time; all vCPUs must be parked. Negative errno with diag. */
int kt_kvm_time_save(struct kt_kvm *kvm, struct kt_kvm_time *ret_time,
		     struct kt_diag *diag) _kt_must_check_;
int kt_kvm_time_restore(struct kt_kvm *kvm, const struct kt_kvm_time *time,
			struct kt_diag *diag) _kt_must_check_;

/*
 * Gives the time of a saved machine to a machine whose vCPUs have not run yet. time:
 * guest_tsc, clock, deadlines and counts of the save; afterwards it is as if it had been
 * saved now, for kt_kvm_time_restore(). Negative errno with diag.
 */
int kt_kvm_time_take_over(struct kt_kvm *kvm, struct kt_kvm_time *time,
			  struct kt_diag *diag) _kt_must_check_;
