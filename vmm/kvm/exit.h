/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a vCPU left the guest: names for counting, words for what should not have
 * happened, and the ways in which a machine ends.
 */
#pragma once

#include <linux/kvm.h>
#include <stdint.h>

#include "base/diag.h"

/* Exit reasons are counted by their KVM_EXIT_ number; those above share number 0. */
#define KT_KVM_EXITS 64

enum kt_kvm_end_reason {
	KT_KVM_END_POWEROFF,	 /* a device: the guest switched itself off */
	KT_KVM_END_RESET,	 /* a device: the guest asked for a reset */
	KT_KVM_END_TRIPLE_FAULT, /* the guest's processor gave up; a reset on a PC */
	KT_KVM_END_ERROR,	 /* KVM or ktest failed; diag says how */
	KT_KVM_END_COUNT_,
};

/* What an error is about; diag names the vCPU and has the rest. */
enum kt_kvm_fault {
	KT_KVM_FAULT_DEVICE, /* or none at all */
	KT_KVM_FAULT_EXIT,   /* the guest was left for a reason that nothing is made for */
	KT_KVM_FAULT_RUN,    /* KVM_RUN, or another request of the vCPU, failed */
	KT_KVM_FAULT_THREAD, /* the vCPU's thread has ended unasked */
};

struct kt_kvm_end {
	enum kt_kvm_end_reason reason;
	enum kt_kvm_fault fault;
	unsigned int vcpu;   /* on whose thread it was found out */
	struct kt_diag diag; /* ERROR: what happened */
};

/* "io", "mmio", "hlt", ...; "other" for those this program does not know. Static. */
const char *kt_kvm_exit_name(unsigned int reason);

/* "poweroff", "reset", "triple fault", "error"; static. */
const char *kt_kvm_end_reason_name(enum kt_kvm_end_reason reason);

/*
 * An exit that nothing is made for, in words: the failure, and the instruction
 * it happened at. regs may be NULL. Sets diag's cause.
 */
void kt_kvm_exit_describe(const struct kvm_run *run, const struct kvm_regs *regs,
			  struct kt_diag *diag);
