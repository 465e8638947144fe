/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Floating-point state over freezing and thawing: the guest finds it as it left
 * it, and so does whoever reads the registers. x87 and SSE on any host; with the
 * argument "avx" the upper halves, too, or the test is skipped.
 */
#include <cpuid.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define CYCLES	    300
#define CR4_OSXSAVE (UINT64_C(1) << 18)
#define ECX_AVX	    (1u << 28) /* CPUID leaf 1; Intel SDM vol. 2 */
#define FCW	    0x037f     /* after FNINIT, with all exceptions masked */
#define MXCSR	    0x9fc0     /* all masked, denormals are zero, flush to zero */
#define VCPUS	    2

static bool with_avx;

/* What vCPU's guest is to load; other values for each. */
static struct kt_vm_fpu known(unsigned int seed)
{
	struct kt_vm_fpu fpu = { .fcw = FCW, .mxcsr = MXCSR, .ftw = 0xff, .avx = with_avx };

	for (unsigned int i = 0; i < 16; i++)
		for (unsigned int j = 0; j < (with_avx ? 32 : 16); j++)
			fpu.ymm[i][j] = (uint8_t)(seed + i * 37 + j * 11);
	for (unsigned int i = 0; i < 8; i++) { /* normal numbers: their highest bit is set */
		memset(fpu.st[i], (int)(seed + 0x10 + i), 7);
		fpu.st[i][7] = (uint8_t)(0x80 + i);
		fpu.st[i][8] = (uint8_t)(seed + i);
		fpu.st[i][9] = 0x3f;
	}
	return fpu;
}

static void put_known(struct rig *rig, unsigned int vcpu, const struct kt_vm_fpu *fpu)
{
	uint8_t *words = (uint8_t *)rig_words(rig, vcpu);
	uint64_t avx = with_avx;

	for (unsigned int i = 0; i < 16; i++)
		memcpy(words + MICRO_FPU + i * 32, fpu->ymm[i], 32);
	for (unsigned int i = 0; i < 8; i++)
		memcpy(words + MICRO_FPU_ST + i * 16, fpu->st[i], 10);
	memcpy(words + MICRO_FPU_MXCSR, &fpu->mxcsr, sizeof(fpu->mxcsr));
	memcpy(words + MICRO_FPU_FCW, &fpu->fcw, sizeof(fpu->fcw));
	memcpy(words + MICRO_FPU_AVX, &avx, sizeof(avx));
}

static void expect_known(struct rig *rig, unsigned int vcpu, const struct kt_vm_fpu *expected)
{
	struct kt_vm_fpu fpu;

	rig_reg_read(rig, vcpu, KT_VM_REG_FPU, &fpu, 1);
	assert_memory_equal(fpu.ymm, expected->ymm, sizeof(fpu.ymm));
	assert_memory_equal(fpu.st, expected->st, sizeof(fpu.st));
	assert_int_equal(fpu.mxcsr, expected->mxcsr);
	assert_int_equal(fpu.fcw, expected->fcw);
	assert_int_equal(fpu.ftw, expected->ftw);
	assert_int_equal(fpu.avx, expected->avx);
}

/* As an operating system does it: XSAVE on, and AVX in XCR0. */
static void switch_avx_on(struct rig *rig, unsigned int vcpu)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 7 } } };
	struct kt_vm_sregs sregs;

	rig_reg_read(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
	sregs.cr4 |= CR4_OSXSAVE;
	rig_reg_write(rig, vcpu, KT_VM_REG_SYSTEM, &sregs, 1);
	assert_int_equal(kt_ioctl(kt_kvm_vcpu(rig->kvm, vcpu)->fd, KVM_SET_XCRS, &xcrs, &rig->diag),
			 0);
}

static void start(struct rig *rig, struct kt_vm_fpu *fpus)
{
	static const uint8_t *const entries[VCPUS] = { micro_fpu, micro_fpu };

	rig_init(rig, entries, VCPUS);
	for (unsigned int i = 0; i < VCPUS; i++) {
		fpus[i] = known(i * 0x35);
		put_known(rig, i, &fpus[i]);
		rig_enter_user(rig, i);
		if (with_avx)
			switch_avx_on(rig, i);
	}
	rig_start(rig);
	for (unsigned int i = 0; i < VCPUS; i++)
		rig_wait_word(rig_words(rig, i), 1);
}

TEST(test_kept_and_readable)
{
	struct kt_vm_fpu fpus[VCPUS];
	uint64_t looks[VCPUS];
	_cleanup_(rig_deinit) struct rig rig;

	start(&rig, fpus);
	for (unsigned int i = 0; i < CYCLES; i++) {
		usleep(i * 7919 % 300);
		rig_freeze(&rig);
		for (unsigned int vcpu = 0; vcpu < VCPUS; vcpu++) {
			looks[vcpu] = rig_read(rig_words(&rig, vcpu));
			expect_known(&rig, vcpu, &fpus[vcpu]);
			assert_int_equal(rig_words(&rig, vcpu)[1], 0);
		}
		rig_thaw(&rig);
	}
	for (unsigned int i = 0; i < VCPUS; i++)
		rig_wait_word(rig_words(&rig, i), looks[i] + 2);
	rig_freeze(&rig);
	for (unsigned int i = 0; i < VCPUS; i++)
		assert_int_equal(rig_words(&rig, i)[1], 0); /* the guests found nothing else */
}

/* Other values in the registers of a frozen vCPU: the guest compares with them at once. */
TEST(test_written)
{
	struct kt_vm_fpu fpus[VCPUS], fpu;
	struct kt_vm_regs regs;
	uint64_t looks;
	_cleanup_(rig_deinit) struct rig rig;

	start(&rig, fpus);
	rig_freeze(&rig);
	rig_reg_read(&rig, 1, KT_VM_REG_FPU, &fpu, 1);
	fpus[1] = known(0x77);
	memcpy(fpu.ymm, fpus[1].ymm, sizeof(fpu.ymm));
	memcpy(fpu.st, fpus[1].st, sizeof(fpu.st));
	fpu.mxcsr = fpus[1].mxcsr = 0x1f80;
	rig_reg_write(&rig, 1, KT_VM_REG_FPU, &fpu, 1);
	put_known(&rig, 1, &fpus[1]);
	rig_reg_read(&rig, 1, KT_VM_REG_GENERAL, &regs, 1);
	regs.rip = rig_address(micro_fpu_look); /* in the middle of a look it would see both */
	rig_reg_write(&rig, 1, KT_VM_REG_GENERAL, &regs, 1);
	looks = rig_read(rig_words(&rig, 1));
	rig_thaw(&rig);
	rig_wait_word(rig_words(&rig, 1), looks + 100);
	rig_freeze(&rig);
	for (unsigned int i = 0; i < VCPUS; i++) {
		assert_int_equal(rig_words(&rig, i)[1], 0);
		expect_known(&rig, i, &fpus[i]);
	}
}

/* In a clone whose vCPUs have had nothing in theirs, and in one that has run with other values. */
TEST(test_kept_in_a_clone)
{
	struct kt_vm_fpu fpus[VCPUS], others[VCPUS];
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(rig_deinit) struct rig rig, clone, other;

	start(&rig, fpus);
	rig_freeze(&rig);
	rig_save(&rig, &saved);
	rig_init_clone(&clone, &rig, &saved);
	start(&other, others);
	rig_freeze(&other);
	rig_copy_memory(&other, &rig);
	rig_restore(&other, &saved);
	rig_thaw(&clone);
	rig_thaw(&other);
	for (unsigned int i = 0; i < VCPUS; i++) {
		uint64_t looks = rig_read(rig_words(&rig, i));

		rig_wait_word(rig_words(&clone, i), looks + 2);
		rig_wait_word(rig_words(&other, i), looks + 2);
		assert_int_equal(rig_words(&clone, i)[1], 0);
		assert_int_equal(rig_words(&other, i)[1], 0);
	}
	rig_freeze(&clone);
	for (unsigned int i = 0; i < VCPUS; i++)
		expect_known(&clone, i, &fpus[i]);
}

static bool host_can(void)
{
	unsigned int eax, ebx, ecx = 0, edx;

	return !with_avx || (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & ECX_AVX);
}

int main(int argc, char **argv)
{
	with_avx = argc > 1 && !strcmp(argv[1], "avx");
	return rig_main("", host_can, "this host's processor has no AVX");
}
