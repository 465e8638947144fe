/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The breakpoints of one vCPU; see debug.h. Converts breakpoints to debug registers, and
 * debug exceptions back to hits, steps and the guest's own exceptions. Stopping the machine
 * is left to machine-break.c.
 */
#include "vmm/kvm/x86/debug.h"
#include "vmm/kvm/ioctl.h"

/* Intel SDM vol. 3, 17.2.3 (DR6) and 17.2.4 (DR7). */
#define DR6_BD		   (UINT64_C(1) << 13) /* the guest touched a debug register itself */
#define DR6_BS		   (UINT64_C(1) << 14) /* single step */
#define DR6_BT		   (UINT64_C(1) << 15) /* task switch */
#define DR7_FIXED	   UINT64_C(0x400)
#define DR7_EXACT	   UINT64_C(0x300)	    /* LE and GE; ignored by newer processors */
#define DR7_ENABLE(i)	   (UINT64_C(2) << ((i)*2)) /* globally */
#define DR7_KIND(i, kind)  ((uint64_t)(kind) << (16 + (i)*4))
#define DR7_LENGTH(i, len) ((uint64_t)(len) << (18 + (i)*4))

#define RFLAGS_RF (UINT64_C(1) << 16) /* SDM vol. 3, 17.3.1.1 */

/* ---- the setting ---- */

static bool is_length(const struct kt_vm_breakpoint *at)
{
	if (at->kind == KT_VM_BREAK_EXECUTE)
		return at->len == 1;
	return at->len == 1 || at->len == 2 || at->len == 4 || at->len == 8;
}

static int check_one(const struct kt_vm_breakpoint *at, size_t index, struct kt_diag *diag)
{
	if ((unsigned int)at->kind > KT_VM_BREAK_ACCESS)
		return kt_fail(diag, KT_VM_E_SPEC, "breakpoint %zu is of an unknown kind", index);
	if (!is_length(at))
		return kt_fail(diag, KT_VM_E_SPEC,
			       "breakpoint %zu is %u bytes long; possible are %s", index, at->len,
			       at->kind == KT_VM_BREAK_EXECUTE ? "1" : "1, 2, 4 and 8");
	if (at->at.v % at->len)
		return kt_fail(diag, KT_VM_E_SPEC,
			       "breakpoint %zu is at %#llx, which is no multiple of %u", index,
			       (unsigned long long)at->at.v, at->len);
	return 0;
}

int kt_debug_check(const struct kt_vm_breakpoint *breakpoints, size_t count, struct kt_diag *diag)
{
	if (count > KT_VM_BREAKPOINTS_MAX)
		return kt_fail(diag, KT_VM_E_SPEC,
			       "%zu breakpoints are asked for; the processor has %d", count,
			       KT_VM_BREAKPOINTS_MAX);
	for (size_t i = 0; i < count; i++)
		KT_TRY(check_one(&breakpoints[i], i, diag));
	return 0;
}

/* The breakpoint's fields of DR7. */
static uint64_t dr7_of(const struct kt_vm_breakpoint *at, unsigned int index)
{
	static const uint8_t kinds[] = {
		[KT_VM_BREAK_EXECUTE] = 0,
		[KT_VM_BREAK_WRITE] = 1,
		[KT_VM_BREAK_ACCESS] = 3,
	};
	static const uint8_t lengths[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	return DR7_ENABLE(index) | DR7_KIND(index, kinds[at->kind]) |
	       DR7_LENGTH(index, lengths[at->len]);
}

/* Whether the vCPU is stepping over this breakpoint. */
static bool is_stepped_over(const struct kt_debug *debug, const struct kt_vm_breakpoint *at)
{
	return debug->stepping && at->kind == KT_VM_BREAK_EXECUTE && at->at.v == debug->rip;
}

static struct kvm_guest_debug setting_of(const struct kt_debug *debug)
{
	struct kvm_guest_debug setting = { .arch.debugreg[7] = DR7_FIXED };

	if (debug->count)
		setting.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	if (debug->stepping)
		setting.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
				   (debug->can_block ? KVM_GUESTDBG_BLOCKIRQ : 0);
	for (unsigned int i = 0; i < debug->count; i++) {
		setting.arch.debugreg[i] = debug->at[i].at.v;
		if (!is_stepped_over(debug, &debug->at[i]))
			setting.arch.debugreg[7] |= DR7_EXACT | dr7_of(&debug->at[i], i);
	}
	return setting;
}

int kt_debug_apply(const struct kt_debug *debug, int vcpu_fd, struct kt_diag *diag)
{
	const struct kvm_guest_debug setting = setting_of(debug);

	return kt_forward(kt_ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &setting, diag));
}

/* ---- going on ---- */

int kt_debug_resume(const struct kt_debug *debug, int vcpu_fd, struct kt_diag *diag)
{
	struct kvm_regs regs;

	if (!debug->on_execute || debug->stepping)
		return 0;
	KT_TRY(kt_ioctl(vcpu_fd, KVM_GET_REGS, &regs, diag));
	if (regs.rip != debug->rip)
		return 0; /* the owner has changed RIP meanwhile */
	regs.rflags |= RFLAGS_RF;
	return kt_forward(kt_ioctl(vcpu_fd, KVM_SET_REGS, &regs, diag));
}

/* ---- exits ---- */

static int set_stepping(struct kt_debug *debug, int vcpu_fd, bool on, struct kt_diag *diag)
{
	debug->stepping = on;
	return kt_forward(kt_debug_apply(debug, vcpu_fd, diag));
}

/* The step is done, and RF is clear, as after any instruction. */
static int end_step(struct kt_debug *debug, int vcpu_fd, struct kt_diag *diag)
{
	debug->on_execute = false;
	return kt_forward(set_stepping(debug, vcpu_fd, false, diag));
}

/* Injects the exception that KVM took from the guest, with its cause in DR6. */
static int hand_to_guest(const struct kt_debug *debug, int vcpu_fd, uint64_t dr6,
			 struct kt_diag *diag)
{
	struct kvm_guest_debug setting = setting_of(debug);
	struct kvm_debugregs regs;

	KT_TRY(kt_ioctl(vcpu_fd, KVM_GET_DEBUGREGS, &regs, diag));
	regs.dr6 |= dr6 & (DR6_BD | DR6_BS | DR6_BT);
	setting.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB;
	KT_TRY(kt_ioctl(vcpu_fd, KVM_SET_DEBUGREGS, &regs, diag));
	return kt_forward(kt_ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &setting, diag));
}

/* Whether the hits include an execution breakpoint at rip. */
static bool is_on_execute(const struct kt_debug *debug, uint32_t hits, uint64_t rip)
{
	for (unsigned int i = 0; i < debug->count; i++)
		if (hits >> i & 1 && debug->at[i].kind == KT_VM_BREAK_EXECUTE &&
		    debug->at[i].at.v == rip)
			return true;
	return false;
}

static int take_hits(struct kt_debug *debug, int vcpu_fd, uint32_t hits, struct kt_diag *diag)
{
	struct kvm_regs regs;

	KT_TRY(kt_ioctl(vcpu_fd, KVM_GET_REGS, &regs, diag));
	debug->rip = regs.rip;
	debug->on_execute = is_on_execute(debug, hits, regs.rip);
	/* RF is set and did not suppress the breakpoint. */
	if (debug->on_execute && regs.rflags & RFLAGS_RF)
		return kt_forward(set_stepping(debug, vcpu_fd, true, diag));
	debug->hits = hits;
	return KT_DEBUG_E_HIT;
}

int kt_debug_exit(struct kt_debug *debug, int vcpu_fd, const struct kvm_run *run,
		  struct kt_diag *diag)
{
	uint64_t dr6 = run->debug.arch.dr6;
	uint32_t hits = (uint32_t)dr6 & ((1u << debug->count) - 1);
	bool stepped = debug->stepping && dr6 & DR6_BS;

	KT_TRY(stepped ? end_step(debug, vcpu_fd, diag) : 0);
	if (hits)
		return kt_forward(take_hits(debug, vcpu_fd, hits, diag));
	return stepped ? 0 : kt_forward(hand_to_guest(debug, vcpu_fd, dr6, diag));
}
