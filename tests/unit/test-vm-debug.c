/* SPDX-License-Identifier: GPL-2.0-only */
/* What vm.h checks of registers and breakpoints before an accelerator is asked. */

#include "tests/unit/test.h"
#include "vmm/backend.h"

static unsigned int asked;

static int take_breakpoints(struct kt_vm *vm, const struct kt_vm_breakpoint *breakpoints,
			    size_t count, struct kt_diag *diag)
{
	asked++;
	return 0;
}

static int take_access(struct kt_vm *vm, const struct kt_vm_reg_access *access,
		       struct kt_diag *diag)
{
	asked++;
	assert_null(access->from);
	if (access->set == KT_VM_REG_GENERAL)
		*(struct kt_vm_regs *)access->to =
			(struct kt_vm_regs){ .rip = 0x1000 + access->vcpu };
	return access->set == KT_VM_REG_MSRS ? (int)access->count : 0;
}

static void on_break(void *arg, const struct kt_vm_break *hit)
{
}

static const struct kt_vm_ops able = { .reg_access = take_access,
				       .breakpoints_set = take_breakpoints };
static const struct kt_vm_handlers deaf = { 0 }, hearing = { .on_break = on_break };

static struct kt_vm machine(const struct kt_vm_ops *ops, const struct kt_vm_handlers *handlers)
{
	asked = 0;
	return (struct kt_vm){ .ops = ops,
			       .config = { .accel = KT_ACCEL_TCG,
					   .topo = { .nodes = 1,
						     .llcs = 1,
						     .cores_per_llc = 2,
						     .threads_per_core = 1 } },
			       .handlers = handlers };
}

TEST(test_an_accelerator_that_cannot)
{
	struct kt_vm vm = machine(&kt_qemu_ops, &hearing);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_msr msr = { 0 };
	struct kt_vm_sregs sregs;
	struct kt_vm_regs regs;
	struct kt_vm_fpu fpu;

	assert_int_equal(kt_vm_regs_read(&vm, 1, &regs, &diag), KT_VM_E_CANNOT);
	assert_string_equal(diag.doing, "read registers of vCPU 1");
	assert_string_equal(diag.cause, "the accelerator tcg cannot do this");
	assert_string_equal(diag.remedy, "use --accel kvm for registers");
	assert_int_equal(kt_vm_regs_write(&vm, 0, &regs, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_sregs_read(&vm, 0, &sregs, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_sregs_write(&vm, 0, &sregs, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_fpu_read(&vm, 0, &fpu, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_fpu_write(&vm, 0, &fpu, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_msrs_read(&vm, 0, &msr, 1, NULL), KT_VM_E_CANNOT);
	assert_int_equal(kt_vm_msrs_write(&vm, 0, &msr, 1, NULL), KT_VM_E_CANNOT);
	kt_diag_reset(&diag);
	assert_int_equal(kt_vm_breakpoints_set(&vm, NULL, 0, &diag), KT_VM_E_CANNOT);
	assert_string_equal(diag.doing, "set breakpoints");
	assert_string_equal(diag.remedy, "use --accel kvm for breakpoints");
}

TEST(test_registers)
{
	struct kt_vm vm = machine(&able, &deaf);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_msr msrs[3];
	struct kt_vm_regs regs;

	assert_int_equal(kt_vm_regs_read(&vm, 1, &regs, NULL), 0);
	assert_int_equal(regs.rip, 0x1001);
	assert_int_equal(kt_vm_msrs_read(&vm, 1, msrs, 3, NULL), 3);
	assert_int_equal(kt_vm_regs_read(&vm, 2, &regs, &diag), KT_VM_E_RANGE);
	assert_string_equal(diag.cause, "there is no vCPU 2, they are 0 to 1");
	assert_int_equal(asked, 2);
}

TEST(test_nobody_to_hear_of_a_hit)
{
	const struct kt_vm_breakpoint at = { .len = 1 };
	struct kt_vm vm = machine(&able, &deaf);
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_vm_breakpoints_set(&vm, &at, 1, &diag), KT_VM_E_SPEC);
	assert_contains(diag.cause, "no on_break handler");
	assert_int_equal(asked, 0);
	assert_int_equal(kt_vm_breakpoints_set(&vm, NULL, 0, NULL), 0); /* none needs nobody */
	vm.handlers = &hearing;
	assert_int_equal(kt_vm_breakpoints_set(&vm, &at, 1, NULL), 0);
	assert_int_equal(asked, 2);
}
