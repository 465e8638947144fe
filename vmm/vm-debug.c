/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers and breakpoints of vm.h: checks that are common to all accelerators, and the text
 * of the registers for accelerators that have no text of their own. The accelerators check
 * the machine's state.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "vmm/backend.h"

#define RFLAGS_IF (1u << 9) /* SDM vol. 1, 3.4.3 */

static int cannot(const struct kt_vm *vm, const char *what, struct kt_diag *diag)
{
	kt_diag_cause(diag, "the accelerator %s cannot do this", kt_accel_name(vm->config.accel));
	kt_diag_remedy(diag, "use --accel kvm for %s", what);
	return KT_VM_E_CANNOT;
}

/* ---- registers ---- */

static int check(const struct kt_vm *vm, unsigned int vcpu, struct kt_diag *diag)
{
	unsigned int count = kt_topology_cpus(&vm->config.topo);

	if (!vm->ops->reg_access)
		return cannot(vm, "registers", diag);
	if (vcpu < count)
		return 0;
	kt_diag_cause(diag, "there is no vCPU %u, they are 0 to %u", vcpu, count - 1);
	return KT_VM_E_RANGE;
}

/* Reads registers into `to`, or writes them from `from`; the other one is NULL. */
static int reg_access(struct kt_vm *vm, unsigned int vcpu, enum kt_vm_reg_set set, void *to,
		      const void *from, size_t count, struct kt_diag *diag)
{
	const struct kt_vm_reg_access access = {
		.vcpu = vcpu, .set = set, .to = to, .from = from, .count = count
	};
	int r = check(vm, vcpu, diag);

	if (!r)
		r = vm->ops->reg_access(vm, &access, diag);
	return kt_doing(diag, r, "%s registers of vCPU %u", from ? "write" : "read", vcpu);
}

int kt_vm_regs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_regs *ret_regs,
		    struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_GENERAL, ret_regs, NULL, 1, diag));
}

static int general_text(struct kt_buf *out, unsigned int vcpu, const struct kt_vm_regs *r)
{
#define X(field) ((unsigned long long)r->field)
	return kt_forward(kt_buf_printf(out,
					"vCPU %u\n"
					"rip %016llx rflags %08llx\n"
					"rax %016llx rbx %016llx rcx %016llx rdx %016llx\n"
					"rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n"
					"r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n"
					"r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n",
					vcpu, X(rip), X(rflags), X(rax), X(rbx), X(rcx), X(rdx),
					X(rsi), X(rdi), X(rbp), X(rsp), X(r8), X(r9), X(r10),
					X(r11), X(r12), X(r13), X(r14), X(r15)));
}

static int system_text(struct kt_buf *out, const struct kt_vm_sregs *r)
{
	return kt_forward(kt_buf_printf(
		out,
		"cr0 %016llx cr2 %016llx cr3 %016llx cr4 %016llx\n"
		"cs %04x ss %04x ds %04x es %04x fs %04x (%016llx) gs %04x (%016llx)\n"
		"efer %016llx apic_base %016llx\n",
		X(cr0), X(cr2), X(cr3), X(cr4), r->cs.selector, r->ss.selector, r->ds.selector,
		r->es.selector, r->fs.selector, X(fs.base), r->gs.selector, X(gs.base), X(efer),
		X(apic_base)));
#undef X
}

static int vcpu_text(struct kt_vm *vm, unsigned int vcpu, struct kt_buf *out, struct kt_diag *diag)
{
	struct kt_vm_regs general;
	struct kt_vm_sregs system;

	KT_TRY(kt_vm_regs_read(vm, vcpu, &general, diag));
	KT_TRY(kt_vm_sregs_read(vm, vcpu, &system, diag));
	KT_TRY(general_text(out, vcpu, &general));
	return kt_forward(system_text(out, &system));
}

int kt_vm_registers_text(struct kt_vm *vm, struct kt_buf *out, uint64_t deadline_ns,
			 struct kt_diag *diag)
{
	if (vm->ops->registers_text)
		return kt_forward(vm->ops->registers_text(vm, out, deadline_ns, diag));
	for (unsigned int i = 0; i < kt_topology_cpus(&vm->config.topo); i++)
		KT_TRY(vcpu_text(vm, i, out, diag));
	return 0;
}

int kt_vm_places(struct kt_vm *vm, struct kt_vm_place *ret_places, size_t max, size_t *ret_count,
		 uint64_t deadline_ns, struct kt_diag *diag)
{
	size_t count = KT_MIN((size_t)kt_topology_cpus(&vm->config.topo), max);
	struct kt_vm_regs regs;

	if (vm->ops->places)
		return kt_forward(
			vm->ops->places(vm, ret_places, max, ret_count, deadline_ns, diag));
	for (unsigned int i = 0; i < count; i++) {
		KT_TRY(kt_vm_regs_read(vm, i, &regs, diag));
		ret_places[i] = (struct kt_vm_place){ .rip = regs.rip,
						      .masked = !(regs.rflags & RFLAGS_IF) };
	}
	*ret_count = count;
	return 0;
}

int kt_vm_regs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_regs *regs,
		     struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_GENERAL, NULL, regs, 1, diag));
}

int kt_vm_sregs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_sregs *ret_sregs,
		     struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_SYSTEM, ret_sregs, NULL, 1, diag));
}

int kt_vm_sregs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_sregs *sregs,
		      struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_SYSTEM, NULL, sregs, 1, diag));
}

int kt_vm_fpu_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_fpu *ret_fpu,
		   struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_FPU, ret_fpu, NULL, 1, diag));
}

int kt_vm_fpu_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_fpu *fpu,
		    struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_FPU, NULL, fpu, 1, diag));
}

int kt_vm_msrs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_msr *msrs, size_t count,
		    struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_MSRS, msrs, NULL, count, diag));
}

int kt_vm_msrs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_msr *msrs,
		     size_t count, struct kt_diag *diag)
{
	return kt_forward(reg_access(vm, vcpu, KT_VM_REG_MSRS, NULL, msrs, count, diag));
}

/* ---- breakpoints ---- */

static int check_handler(const struct kt_vm *vm, size_t count, struct kt_diag *diag)
{
	if (!vm->ops->breakpoints_set)
		return cannot(vm, "breakpoints", diag);
	if (!count || vm->handlers->on_break)
		return 0;
	return kt_fail(diag, KT_VM_E_SPEC, "the machine has no on_break handler");
}

int kt_vm_breakpoints_set(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			  size_t count, struct kt_diag *diag)
{
	int r = check_handler(vm, count, diag);

	if (!r)
		r = vm->ops->breakpoints_set(vm, breakpoints, count, diag);
	return kt_doing(diag, r, "set breakpoints");
}
