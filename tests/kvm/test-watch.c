/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breakpoints on data: hit by the instruction that touches it and by no other.
 * A KVM that emulates the guest's kernel mode does not look at them there, nor
 * does one on a processor that QEMU emulates; then the test is skipped.
 */

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/x86/regs.h"

#define HITS 50

static struct kt_vm_breakpoint on(enum kt_vm_break_kind kind, unsigned int vcpu)
{
	uint64_t at = MICRO_WORDS + vcpu * 0x1000;

	return (struct kt_vm_breakpoint){ .kind = kind, .at = KT_GVA(at), .len = 8 };
}

TEST(test_write)
{
	struct kt_vm_breakpoint at;
	struct kt_vm_break hit;
	struct kt_vm_regs regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_count, micro_count);
	at = on(KT_VM_BREAK_WRITE, 1);
	rig_breakpoints(&rig, &at, 1);
	rig_start(&rig);
	for (unsigned int i = 1; i <= HITS; i++) {
		hit = rig_wait_break(&rig);
		assert_int_equal(hit.vcpu, 1);
		assert_int_equal(hit.index, 0);
		assert_int_equal(hit.rip.v, rig_address(micro_count_jump));
		rig_reg_read(&rig, 1, KT_VM_REG_GENERAL, &regs, 1);
		assert_int_equal(regs.rbx, i); /* written once since the last hit */
		assert_int_equal(rig_read(rig_words(&rig, 1)), i);
		rig_thaw(&rig);
	}
}

/* A read is a hit of ACCESS and none of WRITE; what lies beside is none of either. */
TEST(test_kinds_and_lengths)
{
	struct kt_vm_breakpoint at[4];
	struct kt_vm_sregs sregs;
	struct kt_vm_break hit;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_fs);
	rig_reg_read(&rig, 0, KT_VM_REG_SYSTEM, &sregs, 1);
	sregs.fs.base = MICRO_WORDS + 0x100;
	rig_reg_write(&rig, 0, KT_VM_REG_SYSTEM, &sregs, 1);
	for (unsigned int i = 0; i < 4; i++)
		at[i] = on(i % 2 ? KT_VM_BREAK_ACCESS : KT_VM_BREAK_WRITE, 0);
	at[0].at.v += 0x100; /* read, but not written */
	at[1].at.v += 0x100;
	at[2].at.v += 0xc; /* the second half of word 1 */
	at[2].len = 4;
	at[3].at.v += 0x18; /* behind the last */
	at[3].len = 2;
	rig_breakpoints(&rig, at, 4);
	rig_start(&rig);
	hit = rig_wait_break(&rig);
	assert_int_equal(hit.index, 1);
	assert_int_equal(rig_read(rig_words(&rig, 0) + 1), 0);
	rig_thaw(&rig);
	hit = rig_wait_break(&rig);
	assert_int_equal(hit.index, 2);
	assert_int_equal(rig_read(rig_words(&rig, 0) + 2), 0);
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	rig_freeze(&rig);
	assert_false(kt_kvm_break_take(rig.kvm, &hit));
}

static bool host_watches_kernel_mode(void)
{
	const struct kt_vm_breakpoint at = { .kind = KT_VM_BREAK_WRITE,
					     .at = KT_GVA(MICRO_WORDS),
					     .len = 8 };

	return rig_hits(&at);
}

int main(void)
{
	return rig_main(
		"", host_watches_kernel_mode,
		"breakpoints on data: this host's KVM does not report them in guest kernel mode");
}
