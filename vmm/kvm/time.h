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
 * into host time, and may have seen it pass.
 *
 * Hosts before Linux 5.16 cannot set the offset (KVM_VCPU_TSC_CTRL). There the
 * kvm-clock alone is set back and the guest is told that it was stopped
 * (KVM_KVMCLOCK_CTRL), for which its watchdogs allow.
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
	uint64_t host_tsc; /* when it was saved */
	struct kvm_clock_data clock;
	uint64_t deadlines[KT_CPUS_MAX]; /* IA32_TSC_DEADLINE; 0: not armed */
};

/* All vCPUs are parked. Negative errno with diag. */
int kt_kvm_time_save(struct kt_kvm *kvm, struct kt_kvm_time *ret_time,
		     struct kt_diag *diag) _kt_must_check_;
int kt_kvm_time_restore(struct kt_kvm *kvm, const struct kt_kvm_time *time,
			struct kt_diag *diag) _kt_must_check_;
