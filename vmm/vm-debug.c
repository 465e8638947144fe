/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers and breakpoints of vm.h: what is checked for all accelerators. */
#include "vmm/backend.h"

static int cannot(const struct kt_vm *vm, const char *what, struct kt_diag *diag)
{
	kt_diag_cause(diag, "the accelerator %s cannot do this", kt_accel_name(vm->config.accel));
	kt_diag_remedy(diag, "use --accel kvm for %s", what);
	return KT_VM_E_CANNOT;
}

/* ---- registers ---- */

static int check(const struct kt_vm *vm, bool can, unsigned int vcpu, struct kt_diag *diag)
{
	unsigned int count = kt_topology_cpus(&vm->config.topo);

	if (!can)
		return cannot(vm, "registers", diag);
	if (vcpu < count)
		return 0;
	kt_diag_cause(diag, "there is no vCPU %u, they are 0 to %u", vcpu, count - 1);
	return KT_VM_E_RANGE;
}

static int reg_read(struct kt_vm *vm, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		    size_t count, struct kt_diag *diag)
{
	int r = check(vm, vm->ops->reg_read, vcpu, diag) ?:
			vm->ops->reg_read(vm, vcpu, set, data, count, diag);

	if (r)
		kt_diag_doing(diag, "read registers of vCPU %u", vcpu);
	return kt_forward(r);
}

static int reg_write(struct kt_vm *vm, unsigned int vcpu, enum kt_vm_reg_set set, const void *data,
		     size_t count, struct kt_diag *diag)
{
	int r = check(vm, vm->ops->reg_write, vcpu, diag) ?:
			vm->ops->reg_write(vm, vcpu, set, data, count, diag);

	if (r)
		kt_diag_doing(diag, "write registers of vCPU %u", vcpu);
	return kt_forward(r);
}

int kt_vm_regs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_regs *ret_regs,
		    struct kt_diag *diag)
{
	return kt_forward(reg_read(vm, vcpu, KT_VM_REG_GENERAL, ret_regs, 1, diag));
}

int kt_vm_regs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_regs *regs,
		     struct kt_diag *diag)
{
	return kt_forward(reg_write(vm, vcpu, KT_VM_REG_GENERAL, regs, 1, diag));
}

int kt_vm_sregs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_sregs *ret_sregs,
		     struct kt_diag *diag)
{
	return kt_forward(reg_read(vm, vcpu, KT_VM_REG_SYSTEM, ret_sregs, 1, diag));
}

int kt_vm_sregs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_sregs *sregs,
		      struct kt_diag *diag)
{
	return kt_forward(reg_write(vm, vcpu, KT_VM_REG_SYSTEM, sregs, 1, diag));
}

int kt_vm_fpu_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_fpu *ret_fpu,
		   struct kt_diag *diag)
{
	return kt_forward(reg_read(vm, vcpu, KT_VM_REG_FPU, ret_fpu, 1, diag));
}

int kt_vm_fpu_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_fpu *fpu,
		    struct kt_diag *diag)
{
	return kt_forward(reg_write(vm, vcpu, KT_VM_REG_FPU, fpu, 1, diag));
}

int kt_vm_msrs_read(struct kt_vm *vm, unsigned int vcpu, struct kt_vm_msr *msrs, size_t count,
		    struct kt_diag *diag)
{
	return kt_forward(reg_read(vm, vcpu, KT_VM_REG_MSRS, msrs, count, diag));
}

int kt_vm_msrs_write(struct kt_vm *vm, unsigned int vcpu, const struct kt_vm_msr *msrs,
		     size_t count, struct kt_diag *diag)
{
	return kt_forward(reg_write(vm, vcpu, KT_VM_REG_MSRS, msrs, count, diag));
}

/* ---- breakpoints ---- */

static int check_handler(const struct kt_vm *vm, size_t count, struct kt_diag *diag)
{
	if (!vm->ops->breakpoints_set)
		return cannot(vm, "breakpoints", diag);
	if (!count || vm->handlers->on_break)
		return 0;
	kt_diag_cause(diag, "nobody would hear of a hit: the machine has no on_break handler");
	return KT_VM_E_SPEC;
}

int kt_vm_breakpoints_set(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			  size_t count, struct kt_diag *diag)
{
	int r = check_handler(vm, count, diag) ?:
			vm->ops->breakpoints_set(vm, breakpoints, count, diag);

	if (r)
		kt_diag_doing(diag, "set breakpoints");
	return kt_forward(r);
}
