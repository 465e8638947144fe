/* SPDX-License-Identifier: GPL-2.0-only */
/* The environment of a micro-guest; see flat.h. */
#include <string.h>

#include "vmm/kvm/boot/flat.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/ioctl.h"

/* Intel SDM vol. 3: 4.5 (paging entries), 2.5 (control registers), 2.2.1 (EFER). */
#define ENTRY_TABLE 0x3u  /* present, writable */
#define ENTRY_2M    0x83u /* and a large page */
#define CR0_PE	    (UINT64_C(1) << 0)
#define CR0_MP	    (UINT64_C(1) << 1)
#define CR0_ET	    (UINT64_C(1) << 4)
#define CR0_NE	    (UINT64_C(1) << 5)
#define CR0_PG	    (UINT64_C(1) << 31)
#define CR4_PAE	    (UINT64_C(1) << 5)
#define CR4_OSFXSR  (UINT64_C(3) << 9) /* with OSXMMEXCPT */
#define EFER_LME    (UINT64_C(1) << 8)
#define EFER_LMA    (UINT64_C(1) << 10)

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
/* Intel SDM vol. 3, 3.4.5: flat, present, ring 0; 64-bit code and data. */
#define DESCRIPTOR_CODE UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA UINT64_C(0x00cf93000000ffff)
#define GATE_INTERRUPT	UINT64_C(0x8e00) /* vol. 3, 6.14.1: present, type 14 */

static void put(uint8_t *memory, uint64_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

void kt_flat_tables(uint8_t *memory)
{
	memset(memory + KT_FLAT_PML4, 0, KT_FLAT_END - KT_FLAT_PML4);
	put(memory, KT_FLAT_PML4, KT_FLAT_PDPT | ENTRY_TABLE);
	put(memory, KT_FLAT_PDPT, KT_FLAT_PD | ENTRY_TABLE);
	for (uint64_t i = 0; i < 512; i++)
		put(memory, KT_FLAT_PD + i * 8, i << 21 | ENTRY_2M);
	put(memory, KT_FLAT_GDT + SELECTOR_CODE, DESCRIPTOR_CODE);
	put(memory, KT_FLAT_GDT + SELECTOR_DATA, DESCRIPTOR_DATA);
}

void kt_flat_gate(uint8_t *memory, unsigned int vector, uint64_t handler)
{
	uint64_t at = KT_FLAT_IDT + vector * 16;

	put(memory, at,
	    (handler & 0xffff) | SELECTOR_CODE << 16 | GATE_INTERRUPT << 32 |
		    (handler >> 16 & 0xffff) << 48);
	put(memory, at + 8, handler >> 32);
}

/*
 * Gives the vCPU all that KVM supports; without CPUID, control registers refuse what Linux
 * needs.
 */
static int copy_cpuid(int kvm_fd, int vcpu_fd, struct kt_diag *diag)
{
	const struct kvm_cpuid2 *cpuid;

	KT_TRY(kt_kvm_supported_cpuid(&cpuid, kvm_fd, diag));
	return kt_forward(kt_ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid, diag));
}

static void set_segments(struct kvm_sregs *sregs)
{
	const struct kvm_segment data = { .limit = UINT32_MAX,
					  .selector = SELECTOR_DATA,
					  .type = 3, /* writable, accessed */
					  .present = 1,
					  .s = 1,
					  .db = 1,
					  .g = 1 };

	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->cs = data;
	sregs->cs.selector = SELECTOR_CODE;
	sregs->cs.type = 11; /* executable, readable, accessed */
	sregs->cs.db = 0;
	sregs->cs.l = 1;
	sregs->gdt = (struct kvm_dtable){ .base = KT_FLAT_GDT, .limit = 0x17 };
	sregs->idt = (struct kvm_dtable){ .base = KT_FLAT_IDT, .limit = 0xfff };
}

int kt_flat_enter(int kvm_fd, int vcpu_fd, uint64_t rip, uint64_t rsp, uint64_t rdi,
		  struct kt_diag *diag)
{
	const struct kvm_regs regs = { .rip = rip, .rsp = rsp, .rdi = rdi, .rflags = 2 };
	struct kvm_sregs sregs;

	KT_TRY(copy_cpuid(kvm_fd, vcpu_fd, diag));
	KT_TRY(kt_ioctl(vcpu_fd, KVM_GET_SREGS, &sregs, diag));
	set_segments(&sregs);
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG;
	sregs.cr3 = KT_FLAT_PML4;
	sregs.cr4 = CR4_PAE | CR4_OSFXSR;
	sregs.efer = EFER_LME | EFER_LMA;
	KT_TRY(kt_ioctl(vcpu_fd, KVM_SET_SREGS, &sregs, diag));
	return kt_forward(kt_ioctl(vcpu_fd, KVM_SET_REGS, &regs, diag));
}
