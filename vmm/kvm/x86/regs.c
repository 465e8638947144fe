/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a vCPU; see regs.h. Writing starts from the registers that KVM has, so that
 * what the structs of vmm/regs.h do not contain stays as it is.
 */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/machine-state.h"
#include "vmm/kvm/x86/regs.h"

/* The members that the structs of KVM and of vmm/regs.h have under the same names. */
/* clang-format off */
#define GENERAL(X) \
	X(rax) X(rbx) X(rcx) X(rdx) X(rsi) X(rdi) X(rsp) X(rbp) \
	X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) X(rip) X(rflags)
#define SEGMENTS(X) X(cs) X(ds) X(es) X(fs) X(gs) X(ss) X(tr) X(ldt)
#define SYSTEM(X) \
	X(gdt.base) X(gdt.limit) X(idt.base) X(idt.limit) \
	X(cr0) X(cr2) X(cr3) X(cr4) X(cr8) X(efer) X(apic_base)
#define COPY(member) to->member = from->member;
#define COPY_FROM_KVM(member) to->member = segment_from(&from->member);
#define COPY_TO_KVM(member) to->member = segment_to(&from->member);
/* clang-format on */

/* ---- general ---- */

static int read_general(int fd, struct kt_vm_regs *to, struct kt_diag *diag)
{
	struct kvm_regs regs, *from = &regs;

	KT_TRY(kt_ioctl(fd, KVM_GET_REGS, from, diag));
	GENERAL(COPY);
	return 0;
}

static int write_general(int fd, const struct kt_vm_regs *from, struct kt_diag *diag)
{
	struct kvm_regs regs, *to = &regs;

	GENERAL(COPY);
	return kt_forward(kt_ioctl(fd, KVM_SET_REGS, to, diag));
}

/* ---- control registers and segments ---- */

static struct kt_vm_segment segment_from(const struct kvm_segment *from)
{
	return (struct kt_vm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.attributes = (uint16_t)(from->type | from->s << 4 | from->dpl << 5 |
					 from->present << 7 | from->avl << 12 | from->l << 13 |
					 from->db << 14 | from->g << 15),
		.unusable = from->unusable,
	};
}

static struct kvm_segment segment_to(const struct kt_vm_segment *from)
{
	uint16_t bits = from->attributes;

	return (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = bits & KT_VM_SEGMENT_TYPE,
		.s = !!(bits & KT_VM_SEGMENT_S),
		.dpl = (bits & KT_VM_SEGMENT_DPL) >> 5,
		.present = !!(bits & KT_VM_SEGMENT_PRESENT),
		.avl = !!(bits & KT_VM_SEGMENT_AVL),
		.l = !!(bits & KT_VM_SEGMENT_L),
		.db = !!(bits & KT_VM_SEGMENT_DB),
		.g = !!(bits & KT_VM_SEGMENT_G),
		.unusable = from->unusable,
	};
}

static int read_system(int fd, struct kt_vm_sregs *to, struct kt_diag *diag)
{
	struct kvm_sregs sregs, *from = &sregs;

	KT_TRY(kt_ioctl(fd, KVM_GET_SREGS, from, diag));
	SEGMENTS(COPY_FROM_KVM);
	SYSTEM(COPY);
	return 0;
}

/* Starts from KVM's sregs, which also contain pending interrupts. */
static int write_system(int fd, const struct kt_vm_sregs *from, struct kt_diag *diag)
{
	struct kvm_sregs sregs, *to = &sregs;

	KT_TRY(kt_ioctl(fd, KVM_GET_SREGS, to, diag));
	SEGMENTS(COPY_TO_KVM);
	SYSTEM(COPY);
	return kt_forward(kt_ioctl(fd, KVM_SET_SREGS, to, diag));
}

/* ---- floating point ---- */

/*
 * The XSAVE area in its standard format: SDM vol. 1, 13.4; its first 512 bytes are the FXSAVE
 * area, 10.5.1. KVM fills in the initial values of registers in their initial state.
 */
#define XSAVE_FCW	0
#define XSAVE_FSW	2
#define XSAVE_FTW	4
#define XSAVE_FOP	6
#define XSAVE_FIP	8
#define XSAVE_FDP	16
#define XSAVE_MXCSR	24
#define XSAVE_ST	32 /* 16 bytes apart */
#define XSAVE_XMM	160
#define XSAVE_XSTATE_BV 512

#define XCR0_X87 (UINT64_C(1) << 0) /* same bits as in XSTATE_BV: 13.1 */
#define XCR0_SSE (UINT64_C(1) << 1)
#define XCR0_AVX (UINT64_C(1) << 2)

#define CPUID_XSAVE 0xd /* sub-leaf 2: offset of the AVX component; 13.2 */

/* Copies fields between the XSAVE area and the struct, in either direction. */
struct fpu_copy {
	uint8_t *area;
	bool to_area;
};

static void copy_field(const struct fpu_copy *copy, size_t offset, void *field, size_t len)
{
	if (copy->to_area)
		memcpy(copy->area + offset, field, len);
	else
		memcpy(field, copy->area + offset, len);
}

static void copy_legacy(const struct fpu_copy *copy, struct kt_vm_fpu *fpu)
{
	copy_field(copy, XSAVE_FCW, &fpu->fcw, sizeof(fpu->fcw));
	copy_field(copy, XSAVE_FSW, &fpu->fsw, sizeof(fpu->fsw));
	copy_field(copy, XSAVE_FTW, &fpu->ftw, sizeof(fpu->ftw));
	copy_field(copy, XSAVE_FOP, &fpu->fop, sizeof(fpu->fop));
	copy_field(copy, XSAVE_FIP, &fpu->fip, sizeof(fpu->fip));
	copy_field(copy, XSAVE_FDP, &fpu->fdp, sizeof(fpu->fdp));
	copy_field(copy, XSAVE_MXCSR, &fpu->mxcsr, sizeof(fpu->mxcsr));
	for (unsigned int i = 0; i < 8; i++)
		copy_field(copy, XSAVE_ST + i * 16, fpu->st[i], sizeof(fpu->st[i]));
	for (unsigned int i = 0; i < 16; i++)
		copy_field(copy, XSAVE_XMM + i * 16, fpu->ymm[i], 16);
}

/* Offset of the AVX component; 0: the processor has no AVX, or not within the area's 4 KiB. */
static size_t avx_offset(void)
{
	unsigned int size, offset, ecx, edx;

	if (!__get_cpuid_count(CPUID_XSAVE, 2, &size, &offset, &ecx, &edx) || size < 256 ||
	    offset + 256 > sizeof(struct kvm_xsave))
		return 0;
	return offset;
}

static void copy_avx(const struct fpu_copy *copy, struct kt_vm_fpu *fpu)
{
	size_t offset = avx_offset();

	for (unsigned int i = 0; i < 16; i++)
		copy_field(copy, offset + i * 16, fpu->ymm[i] + 16, 16);
}

static bool has_avx(int fd)
{
	struct kvm_xcrs xcrs;

	if (!avx_offset() || kt_ioctl(fd, KVM_GET_XCRS, &xcrs, NULL))
		return false;
	for (unsigned int i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++)
		if (!xcrs.xcrs[i].xcr)
			return xcrs.xcrs[i].value & XCR0_AVX;
	return false;
}

static int read_fpu(int fd, struct kt_vm_fpu *ret, struct kt_diag *diag)
{
	struct kvm_xsave area;
	struct fpu_copy copy = { .area = (uint8_t *)area.region };

	KT_TRY(kt_ioctl(fd, KVM_GET_XSAVE, &area, diag));
	*ret = (struct kt_vm_fpu){ .avx = has_avx(fd) };
	copy_legacy(&copy, ret);
	if (ret->avx)
		copy_avx(&copy, ret);
	return 0;
}

/* Components that the struct does not contain stay as they are. */
static int write_fpu(int fd, const struct kt_vm_fpu *from, struct kt_diag *diag)
{
	struct kt_vm_fpu fpu = *from;
	struct kvm_xsave area;
	struct fpu_copy copy = { .area = (uint8_t *)area.region, .to_area = true };
	uint64_t in_use;

	KT_TRY(kt_ioctl(fd, KVM_GET_XSAVE, &area, diag));
	fpu.avx = fpu.avx && has_avx(fd);
	copy_legacy(&copy, &fpu);
	if (fpu.avx)
		copy_avx(&copy, &fpu);
	memcpy(&in_use, copy.area + XSAVE_XSTATE_BV, sizeof(in_use));
	in_use |= XCR0_X87 | XCR0_SSE | (fpu.avx ? XCR0_AVX : 0);
	memcpy(copy.area + XSAVE_XSTATE_BV, &in_use, sizeof(in_use));
	return kt_forward(kt_ioctl(fd, KVM_SET_XSAVE, &area, diag));
}

/* ---- MSRs ---- */

static struct kvm_msrs *msrs_new(const struct kt_vm_msr *from, size_t count)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + count * sizeof(msrs->entries[0]));

	if (!msrs)
		return NULL;
	msrs->nmsrs = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		msrs->entries[i] =
			(struct kvm_msr_entry){ .index = from[i].index, .data = from[i].value };
	return msrs;
}

/* done: number of MSRs before the first that KVM refused. */
static int judge_msrs(const struct kt_vm_msr *msrs, size_t count, size_t done, struct kt_diag *diag)
{
	if (done >= count)
		return 0;
	return kt_fail(diag, KT_VM_E_CANNOT, "the vCPU does not have MSR %#x, or refuses its value",
		       msrs[done].index);
}

static int read_msrs(int fd, struct kt_vm_msr *ret, size_t count, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kvm_msrs *msrs = msrs_new(ret, count);
	int done;

	if (!msrs)
		return kt_raise(-ENOMEM);
	KT_TRY(kt_ioctl_by_name(fd, KVM_GET_MSRS, (unsigned long)msrs, &done, diag,
				"KVM_GET_MSRS"));
	for (size_t i = 0; i < (size_t)done && i < count; i++)
		ret[i].value = msrs->entries[i].data;
	return judge_msrs(ret, count, (size_t)done, diag);
}

static int write_msrs(int fd, const struct kt_vm_msr *from, size_t count, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kvm_msrs *msrs = msrs_new(from, count);
	int r, done;

	if (!msrs)
		return kt_raise(-ENOMEM);
	r = kt_ioctl_by_name(fd, KVM_SET_MSRS, (unsigned long)msrs, &done, diag, "KVM_SET_MSRS");
	return r ? kt_forward(r) : judge_msrs(from, count, (size_t)done, diag);
}

/* ---- all of them ---- */

static int check_access(struct kt_kvm *kvm, const struct kt_vm_reg_access *a, struct kt_diag *diag)
{
	if (a->vcpu >= kt_kvm_vcpu_count(kvm))
		return kt_fail(diag, KT_VM_E_RANGE, "there is no vCPU %u", a->vcpu);
	if (a->set == KT_VM_REG_MSRS && a->count > KT_VM_MSRS_MAX)
		return kt_fail(diag, kt_raise(-E2BIG), "%zu MSRs in one call; the most is %d",
			       a->count, KT_VM_MSRS_MAX);
	return kt_forward(kt_kvm_expect_still(kvm, diag));
}

int kt_kvm_reg_access(struct kt_kvm *kvm, const struct kt_vm_reg_access *a, struct kt_diag *diag)
{
	int fd;

	KT_TRY(check_access(kvm, a, diag));
	fd = kt_kvm_vcpu(kvm, a->vcpu)->fd;
	switch (a->set) {
	case KT_VM_REG_GENERAL:
		return a->from ? write_general(fd, a->from, diag) : read_general(fd, a->to, diag);
	case KT_VM_REG_SYSTEM:
		return a->from ? write_system(fd, a->from, diag) : read_system(fd, a->to, diag);
	case KT_VM_REG_FPU:
		return a->from ? write_fpu(fd, a->from, diag) : read_fpu(fd, a->to, diag);
	case KT_VM_REG_MSRS:
		return a->from ? write_msrs(fd, a->from, a->count, diag) :
				 read_msrs(fd, a->to, a->count, diag);
	}
	return kt_raise(-EINVAL);
}
