/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The breakpoints of one vCPU, in the processor's address registers, which KVM
 * lends to the host (KVM_SET_GUEST_DEBUG).
 *
 * To go on from an instruction with an execution breakpoint, RFLAGS.RF holds the
 * breakpoint back for one instruction. A KVM that emulates the guest's kernel
 * mode knows no RF there and reports the same hit again, with RF still set; then
 * that one instruction is stepped over with its breakpoint taken out. Such a KVM
 * does not look at the data breakpoints of what it emulates: they do not hit.
 */
#pragma once

#include <linux/kvm.h>

#include "base/error.h"
#include "vmm/vm.h"

/*
 * Set by the owner while the vCPU does not run; by the vCPU's thread otherwise.
 * All zero: no breakpoints.
 */
struct kt_debug {
	struct kt_vm_breakpoint at[KT_VM_BREAKPOINTS_MAX];
	unsigned int count;
	uint32_t hits;	 /* a bit for each breakpoint that was hit and is not taken */
	uint64_t rip;	 /* of the last hit */
	bool on_execute; /* the last hit was one before an instruction */
	bool stepping;	 /* over the instruction at rip */
	bool can_block;	 /* KVM can hold interrupts back while it steps */
};

enum kt_debug_condition {
	KT_DEBUG_E_HIT = KT_CONDITION(DEBUG),
};

/* 0, or KT_VM_E_SPEC with diag naming the one that is malformed. */
int kt_debug_check(const struct kt_vm_breakpoint *breakpoints, size_t count,
		   struct kt_diag *diag) _kt_must_check_;

/* Hands the present setting to KVM. */
int kt_debug_apply(const struct kt_debug *debug, int vcpu_fd, struct kt_diag *diag) _kt_must_check_;

/*
 * The guest was left by KVM_EXIT_DEBUG. 0: enter it again; KT_DEBUG_E_HIT: hits
 * and rip say what was hit; negative errno with diag. What was not a breakpoint
 * of ours is the guest's own and is handed to it.
 */
int kt_debug_exit(struct kt_debug *debug, int vcpu_fd, const struct kvm_run *run,
		  struct kt_diag *diag) _kt_must_check_;

/* The vCPU is about to go on: holds the breakpoint back that it is stopped at. */
int kt_debug_resume(const struct kt_debug *debug, int vcpu_fd,
		    struct kt_diag *diag) _kt_must_check_;
