/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits of a vCPU: names of the reasons, descriptions of exits that ktest does not handle,
 * and the ways in which a machine ends.
 */
#pragma once

#include <linux/kvm.h>
#include <stdint.h>

#include "base/diag.h"

/* Counters of exits, one per KVM_EXIT_ number; larger numbers are counted as number 0. */
#define KT_KVM_EXITS 64

enum kt_kvm_end_reason {
	KT_KVM_END_POWEROFF,	 /* the guest powered off */
	KT_KVM_END_RESET,	 /* the guest requested a reset */
	KT_KVM_END_TRIPLE_FAULT, /* the guest's processor shut down, which resets a PC */
	KT_KVM_END_ERROR,	 /* KVM or ktest failed; diag says how */
	KT_KVM_END_COUNT_,
};

/* Where an error occurred; diag names the vCPU and the details. */
enum kt_kvm_fault {
	KT_KVM_FAULT_DEVICE, /* a device, or there was no error */
	KT_KVM_FAULT_EXIT,   /* the guest was left for a reason that ktest does not handle */
	KT_KVM_FAULT_RUN,    /* KVM_RUN, or another request of the vCPU, failed */
	KT_KVM_FAULT_THREAD, /* the vCPU's thread has ended unasked */
};

struct kt_kvm_end {
	enum kt_kvm_end_reason reason;
	enum kt_kvm_fault fault;
	unsigned int vcpu;   /* whose thread noticed the end */
	struct kt_diag diag; /* ERROR: what happened */
};

/* Name of an exit reason: "io", "mmio", "hlt", ...; "other" if unknown. Static. */
const char *kt_kvm_exit_name(unsigned int reason);

/* Name of a reason: "poweroff", "reset", "triple fault", "error". Static. */
const char *kt_kvm_end_reason_name(enum kt_kvm_end_reason reason);

/*
 * Describes an exit that ktest does not handle, and the instruction at which it happened, in
 * diag's cause. regs may be NULL.
 */
void kt_kvm_exit_describe(const struct kvm_run *run, const struct kvm_regs *regs,
			  struct kt_diag *diag);
