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

struct kt_kvm_end {
	enum kt_kvm_end_reason reason;
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
