/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of a vCPU: read as the guest left them, and found by it as written. */

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/x86/regs.h"

#define RFLAGS_CF   0x1u
#define RFLAGS_DF   0x400u
#define MSR_LSTAR   0xc0000082u
#define MSR_FS	    0xc0000100u
#define MSR_KERNEL  0xc0000102u
#define MSR_NOWHERE 0x4b54u

static struct kt_vm_regs known(unsigned int first)
{
	uint64_t v[15];

	for (unsigned int i = 0; i < KT_ARRAY_SIZE(v); i++)
		v[i] = (uint64_t)MICRO_REG((uint64_t)(first + i));
	return (struct kt_vm_regs){
		.rax = v[0],
		.rbx = v[1],
		.rcx = v[2],
		.rdx = v[3],
		.rsi = v[4],
		.rdi = v[5],
		.rsp = MICRO_REG_RSP,
		.rbp = v[6],
		.r8 = v[7],
		.r9 = v[8],
		.r10 = v[9],
		.r11 = v[10],
		.r12 = v[11],
		.r13 = v[12],
		.r14 = v[13],
		.r15 = v[14],
		.rflags = 2 | RFLAGS_CF | RFLAGS_DF,
	};
}

/* The guest's own constants begin with 0, and rbp's has the number 7. */
static struct kt_vm_regs of_the_guest(void)
{
	struct kt_vm_regs regs = known(1);

	regs.rax = (uint64_t)MICRO_REG(UINT64_C(0));
	regs.rbx = (uint64_t)MICRO_REG(UINT64_C(1));
	regs.rcx = (uint64_t)MICRO_REG(UINT64_C(2));
	regs.rdx = (uint64_t)MICRO_REG(UINT64_C(3));
	regs.rsi = (uint64_t)MICRO_REG(UINT64_C(4));
	regs.rdi = (uint64_t)MICRO_REG(UINT64_C(5));
	regs.rip = rig_address(micro_regs_loop);
	return regs;
}

/* Freezes when the guest has come to the place, and reads its registers. */
static struct kt_vm_regs freeze_at(struct rig *rig, const uint8_t *place)
{
	uint64_t deadline = rig_deadline();
	struct kt_vm_regs regs;

	for (;;) {
		rig_freeze(rig);
		rig_reg_read(rig, 0, KT_VM_REG_GENERAL, &regs, 1);
		if (regs.rip == rig_address(place))
			return regs;
		rig_thaw(rig);
		usleep(100); /* frozen again at once it might not come to run at all */
		assert_true(kt_now_ns() < deadline);
	}
}

TEST(test_general)
{
	struct kt_vm_regs expected = of_the_guest(), regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_regs);
	rig_start(&rig);
	regs = freeze_at(&rig, micro_regs_loop);
	assert_memory_equal(&regs, &expected, sizeof(regs));
	/* All others, and on to a place where the guest shows them. */
	expected = known(100);
	expected.rip = rig_address(micro_regs_store);
	rig_reg_write(&rig, 0, KT_VM_REG_GENERAL, &expected, 1);
	rig_reg_read(&rig, 0, KT_VM_REG_GENERAL, &regs, 1);
	assert_memory_equal(&regs, &expected, sizeof(regs));
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0), 2);
	rig_freeze(&rig);
	assert_memory_equal(rig_words(&rig, 0) + 1, &expected, 16 * sizeof(uint64_t));
	assert_int_equal(rig_words(&rig, 0)[17] & 0xfff, expected.rflags);
}

/* What kt_flat_enter() sets, seen through the neutral struct. */
static void expect_flat(const struct kt_vm_sregs *sregs)
{
	assert_int_equal(sregs->cr3, KT_FLAT_PML4);
	assert_int_equal(sregs->gdt.base, KT_FLAT_GDT);
	assert_int_equal(sregs->gdt.limit, 0x17);
	assert_int_equal(sregs->idt.base, KT_FLAT_IDT);
	assert_int_equal(sregs->idt.limit, 0xfff);
	assert_int_equal(sregs->cr0 & 0x80000001, 0x80000001); /* PG, PE */
	assert_int_equal(sregs->cr4 & 0x620, 0x620);	       /* PAE, OSFXSR, OSXMMEXCPT */
	assert_int_equal(sregs->efer & 0x500, 0x500);	       /* LME, LMA */
	assert_int_equal(sregs->apic_base & ~UINT64_C(0xfff), 0xfee00000);
	assert_int_equal(sregs->cs.selector, 8);
	assert_int_equal(sregs->cs.attributes & ~KT_VM_SEGMENT_TYPE,
			 KT_VM_SEGMENT_S | KT_VM_SEGMENT_PRESENT | KT_VM_SEGMENT_L |
				 KT_VM_SEGMENT_G);
	assert_int_equal(sregs->cs.attributes & 10, 10); /* code, readable */
	assert_int_equal(sregs->ss.selector, 16);
	assert_int_equal(sregs->ss.attributes & ~KT_VM_SEGMENT_TYPE,
			 KT_VM_SEGMENT_S | KT_VM_SEGMENT_PRESENT | KT_VM_SEGMENT_DB |
				 KT_VM_SEGMENT_G);
	assert_int_equal(sregs->ss.limit, UINT32_MAX);
	assert_false(sregs->ss.unusable);
}

TEST(test_system)
{
	struct kt_vm_sregs sregs, again;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_fs);
	rig_reg_read(&rig, 0, KT_VM_REG_SYSTEM, &sregs, 1);
	expect_flat(&sregs);
	sregs.fs.base = MICRO_WORDS + 0x100;
	sregs.cr2 = 0x123456789a;
	rig_words(&rig, 0)[0x100 / 8] = 0xfeedface;
	rig_reg_write(&rig, 0, KT_VM_REG_SYSTEM, &sregs, 1);
	rig_reg_read(&rig, 0, KT_VM_REG_SYSTEM, &again, 1);
	assert_int_equal(again.fs.base, sregs.fs.base);
	assert_int_equal(again.cr2, sregs.cr2);
	expect_flat(&again);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	rig_freeze(&rig);
	assert_int_equal(rig_words(&rig, 0)[1], 0xfeedface);
	assert_int_equal(rig_words(&rig, 0)[2], 0x123456789a);
	rig_reg_read(&rig, 0, KT_VM_REG_SYSTEM, &again, 1);
	assert_int_equal(again.fs.base, MICRO_WORDS + 0x100);
	expect_flat(&again);
}

/* A change of privilege through the registers alone: every bit of a segment counts. */
TEST(test_user_mode)
{
	struct kt_vm_sregs sregs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_user);
	rig_enter_user(&rig, 0);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 1000);
	rig_freeze(&rig);
	/* A host that runs it as a process of its own shows it that process's selector. */
	assert_int_equal(rig_words(&rig, 0)[1] & 3, 3);
	rig_reg_read(&rig, 0, KT_VM_REG_SYSTEM, &sregs, 1);
	assert_int_equal(sregs.cs.selector, RIG_USER_CODE);
	assert_int_equal(sregs.cs.attributes & KT_VM_SEGMENT_DPL, KT_VM_SEGMENT_DPL);
}

TEST(test_msrs)
{
	struct kt_vm_msr msrs[] = { { MSR_KERNEL, 0x1000 }, { MSR_LSTAR, 0x2000 } };
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_msr);
	rig_words(&rig, 0)[1] = MSR_LSTAR;
	rig_reg_write(&rig, 0, KT_VM_REG_MSRS, msrs, 2);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	rig_freeze(&rig);
	assert_int_equal(rig_words(&rig, 0)[2], 0x2000); /* the guest found what was written */
	msrs[0].value = msrs[1].value = 0;
	rig_reg_read(&rig, 0, KT_VM_REG_MSRS, msrs, 2);
	assert_int_equal(msrs[0].value, 0x1000);
	assert_int_equal(msrs[1].value, 0x2001); /* and this is what it wrote */
}

TEST(test_msr_that_is_not_there)
{
	struct kt_vm_msr msrs[] = { { MSR_LSTAR, 7 }, { MSR_NOWHERE, 0 }, { MSR_FS, 9 } };
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count);
	assert_int_equal(rig_try_reg_write(&rig, 0, KT_VM_REG_MSRS, msrs, 3, &diag),
			 KT_VM_E_CANNOT);
	assert_contains(diag.cause, "0x4b54");
	msrs[0].value = 0;
	msrs[2].value = 5;
	kt_diag_reset(&diag);
	assert_int_equal(rig_try_reg_read(&rig, 0, KT_VM_REG_MSRS, msrs, 3, &diag), KT_VM_E_CANNOT);
	assert_contains(diag.cause, "0x4b54");
	assert_int_equal(msrs[0].value, 7); /* before it: done */
	assert_int_equal(msrs[2].value, 5); /* behind it: not */
}

TEST(test_when)
{
	const uint8_t *const entries[] = { micro_count, micro_count, micro_triple_fault };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_vm_regs regs;
	struct rig rig;

	rig_init(&rig, entries, 2);
	rig_reg_read(&rig, 1, KT_VM_REG_GENERAL, &regs, 1); /* not started */
	assert_int_equal(regs.rip, rig_address(micro_count));
	assert_int_equal(rig_try_reg_read(&rig, 2, KT_VM_REG_GENERAL, &regs, 1, &diag),
			 KT_VM_E_RANGE);
	rig_start(&rig);
	kt_diag_reset(&diag);
	assert_int_equal(rig_try_reg_read(&rig, 0, KT_VM_REG_GENERAL, &regs, 1, &diag),
			 KT_VM_E_STATE);
	assert_string_equal(diag.cause, "the machine is running");
	assert_int_equal(rig_try_reg_write(&rig, 0, KT_VM_REG_GENERAL, &regs, 1, NULL),
			 KT_VM_E_STATE);
	rig_wait_word(rig_words(&rig, 0), 1);
	assert_int_equal(kt_kvm_stop(rig.kvm, rig_deadline(), NULL), 0);
	rig_reg_read(&rig, 0, KT_VM_REG_GENERAL, &regs, 1); /* stopped */
	assert_true(regs.rbx >= rig_words(&rig, 0)[0]);
	rig_deinit(&rig);

	rig_init(&rig, entries, 3);
	rig_start(&rig);
	assert_int_equal(rig_wait_end(&rig).reason, KT_KVM_END_TRIPLE_FAULT);
	for (unsigned int i = 0; i < 2; i++) { /* ended: at rest as soon as they are asked for */
		rig_reg_read(&rig, i, KT_VM_REG_GENERAL, &regs, 1);
		assert_in_range(regs.rbx - rig_words(&rig, i)[0], 0, 1);
	}
	rig_deinit(&rig);
}
