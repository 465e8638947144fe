/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state in which a kernel is entered; see entry.h. The 64-bit boot protocol requires:
 * paging, with the kernel, the zero page and the command line mapped one to one; a GDT with
 * __BOOT_CS and __BOOT_DS, both loaded; interrupts off; RSI at the zero page. Encodings:
 * Intel SDM, volume 3A, 2.5 (control registers), 3.4.5 (descriptors), 4.5 (4-level paging);
 * EFER: AMD APM, volume 2, 3.1.7.
 */
#include "vmm/kvm/boot/entry.h"
#include "vmm/kvm/layout.h"

#define BOOT_CS 0x10u /* selectors fixed by the boot protocol */
#define BOOT_DS 0x18u
#define BOOT_TR 0x20u /* any: VMX wants one */

#define TYPE_CODE 11u /* execute, read, accessed */
#define TYPE_DATA 3u  /* read, write, accessed */
#define TYPE_TSS  11u /* busy 64-bit */

#define CR0_PE	 (UINT64_C(1) << 0)
#define CR0_ET	 (UINT64_C(1) << 4)
#define CR0_NE	 (UINT64_C(1) << 5)
#define CR0_WP	 (UINT64_C(1) << 16)
#define CR0_PG	 (UINT64_C(1) << 31)
#define CR4_PAE	 (UINT64_C(1) << 5)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)

#define RFLAGS_RESERVED 2u /* the one bit that is always 1 */

#define PTE_PRESENT  UINT64_C(1)
#define PTE_WRITABLE UINT64_C(2)
#define PTE_LARGE    (UINT64_C(1) << 7)
#define LARGE_PAGE   (UINT64_C(2) << 20)
#define PTES	     512u

static struct kvm_segment code_segment(void)
{
	return (struct kvm_segment){ .limit = UINT32_MAX,
				     .selector = BOOT_CS,
				     .type = TYPE_CODE,
				     .present = 1,
				     .s = 1,
				     .l = 1,
				     .g = 1 };
}

static struct kvm_segment data_segment(void)
{
	return (struct kvm_segment){ .limit = UINT32_MAX,
				     .selector = BOOT_DS,
				     .type = TYPE_DATA,
				     .present = 1,
				     .db = 1,
				     .s = 1,
				     .g = 1 };
}

static struct kvm_segment task_segment(void)
{
	return (struct kvm_segment){
		.limit = 0x67, .selector = BOOT_TR, .type = TYPE_TSS, .present = 1
	};
}

/* The descriptor that loads as this segment; bases are 0 and limits as G has them. */
static uint64_t descriptor(const struct kvm_segment *s)
{
	uint64_t limit = s->g ? s->limit >> 12 : s->limit;
	uint64_t access =
		s->type | (uint64_t)s->s << 4 | (uint64_t)s->dpl << 5 | (uint64_t)s->present << 7;
	uint64_t flags = (uint64_t)s->l << 1 | (uint64_t)s->db << 2 | (uint64_t)s->g << 3;

	return (limit & 0xffff) | access << 40 | (limit >> 16 & 0xf) << 48 | flags << 52;
}

/* The last descriptor, of a TSS, takes two places. */
#define GDT_ENTRIES 6u

static int load_gdt(const struct kt_ram *ram)
{
	struct kvm_segment code = code_segment(), data = data_segment(), task = task_segment();
	uint64_t gdt[GDT_ENTRIES] = {
		[BOOT_CS / 8] = descriptor(&code),
		[BOOT_DS / 8] = descriptor(&data),
		[BOOT_TR / 8] = descriptor(&task),
	};

	return kt_fold(kt_ram_write(ram, KT_GPA(KT_KVM_GDT_ADDR), gdt, sizeof(gdt)));
}

static int load_table(const struct kt_ram *ram, uint64_t addr, const uint64_t table[PTES])
{
	return kt_fold(kt_ram_write(ram, KT_GPA(addr), table, PTES * sizeof(table[0])));
}

static int load_page_tables(const struct kt_ram *ram)
{
	uint64_t pml4[PTES] = { KT_KVM_PDPT_ADDR | PTE_PRESENT | PTE_WRITABLE };
	uint64_t pdpt[PTES] = { 0 }, pd[PTES];

	for (uint64_t i = 0; i < KT_KVM_PD_COUNT; i++) {
		uint64_t addr = KT_KVM_PD_ADDR + i * sizeof(pd);

		pdpt[i] = addr | PTE_PRESENT | PTE_WRITABLE;
		for (uint64_t k = 0; k < PTES; k++)
			pd[k] = (i * PTES + k) * LARGE_PAGE | PTE_PRESENT | PTE_WRITABLE |
				PTE_LARGE;
		KT_TRY(load_table(ram, addr, pd));
	}
	KT_TRY(load_table(ram, KT_KVM_PDPT_ADDR, pdpt));
	return kt_forward(load_table(ram, KT_KVM_PML4_ADDR, pml4));
}

int kt_kvm_entry_load(const struct kt_ram *ram)
{
	int r = load_gdt(ram);

	return kt_forward(r ? r : load_page_tables(ram));
}

void kt_kvm_entry_regs(uint64_t entry, struct kvm_regs *ret_regs)
{
	*ret_regs = (struct kvm_regs){
		.rip = entry,
		.rsi = KT_KVM_ZERO_PAGE_ADDR,
		.rflags = RFLAGS_RESERVED,
	};
}

void kt_kvm_entry_sregs(struct kvm_sregs *sregs)
{
	struct kvm_segment data = data_segment();

	sregs->cs = code_segment();
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = task_segment();
	sregs->gdt = (struct kvm_dtable){ .base = KT_KVM_GDT_ADDR,
					  .limit = GDT_ENTRIES * sizeof(uint64_t) - 1 };
	sregs->idt = (struct kvm_dtable){ .base = 0, .limit = 0 };
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs->cr3 = KT_KVM_PML4_ADDR;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME | EFER_LMA;
}
