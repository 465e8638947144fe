/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The breakpoints of one vCPU, in the processor's debug address registers, which KVM lends to
 * the host (KVM_SET_GUEST_DEBUG).
 *
 * To run on from an execution breakpoint, RFLAGS.RF suppresses the breakpoint for one
 * instruction. A KVM that emulates the guest's kernel mode ignores RF there and reports the
 * hit again, with RF set; then this instruction is stepped over, with its breakpoint
 * disabled. Data breakpoints do not hit in instructions that such a KVM emulates.
 */
#pragma once

#include <linux/kvm.h>

#include "base/error.h"
#include "vmm/vm.h"

/*
 * Written by the owner while the vCPU does not run, otherwise by the vCPU's thread. All zero:
 * no breakpoints.
 */
struct kt_debug {
	struct kt_vm_breakpoint at[KT_VM_BREAKPOINTS_MAX];
	unsigned int count;
	uint32_t hits;	 /* one bit per breakpoint whose hit was not taken yet */
	uint64_t rip;	 /* at the last hit */
	bool on_execute; /* the last hit was of an execution breakpoint */
	bool stepping;	 /* a step over the instruction at rip is under way */
	bool can_block;	 /* KVM can block interrupts during a step (KVM_GUESTDBG_BLOCKIRQ) */
};

enum kt_debug_condition {
	KT_DEBUG_E_HIT = KT_CONDITION(DEBUG),
};

/* Checks count breakpoints. KT_VM_E_SPEC: too many, or one is malformed, which diag names. */
int kt_debug_check(const struct kt_vm_breakpoint *breakpoints, size_t count,
		   struct kt_diag *diag) _kt_must_check_;

/* Gives the breakpoints to KVM. Negative errno with diag. */
int kt_debug_apply(const struct kt_debug *debug, int vcpu_fd, struct kt_diag *diag) _kt_must_check_;

/*
 * Handles KVM_EXIT_DEBUG. 0: the vCPU shall run on. KT_DEBUG_E_HIT: `hits` and `rip` describe
 * the hits. Negative errno with diag. A debug exception that is not of a breakpoint is the
 * guest's own, and is injected into the guest.
 */
int kt_debug_exit(struct kt_debug *debug, int vcpu_fd, const struct kvm_run *run,
		  struct kt_diag *diag) _kt_must_check_;

/*
 * Suppresses the breakpoint that the vCPU stands at, before the vCPU runs on. Negative errno
 * with diag.
 */
int kt_debug_resume(const struct kt_debug *debug, int vcpu_fd,
		    struct kt_diag *diag) _kt_must_check_;
