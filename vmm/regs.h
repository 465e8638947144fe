/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a vCPU, in a form that no accelerator determines. Names and layouts are
 * those of the processor. Sources: Intel SDM vol. 1, 3.4 (general registers); vol. 3, 2.5 and
 * 3.4 (control registers, segments); vol. 1, 8.1, 10.2 and 14.1 (x87, SSE, AVX); vol. 4
 * (MSRs).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_vm_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
};

/*
 * A segment register with its hidden part. attributes: bits 8 to 23 of the upper word of a
 * descriptor (SDM vol. 3, 3.4.5), with zeros in place of the limit's bits 16 to 19.
 */
struct kt_vm_segment {
	uint64_t base;
	uint32_t limit; /* bytes - 1, after the granularity was applied */
	uint16_t selector;
	uint16_t attributes;
	bool unusable; /* loaded with a null selector */
};

#define KT_VM_SEGMENT_TYPE    0x000fu
#define KT_VM_SEGMENT_S	      0x0010u /* code or data, not a system segment */
#define KT_VM_SEGMENT_DPL     0x0060u
#define KT_VM_SEGMENT_PRESENT 0x0080u
#define KT_VM_SEGMENT_AVL     0x1000u
#define KT_VM_SEGMENT_L	      0x2000u /* 64-bit code */
#define KT_VM_SEGMENT_DB      0x4000u
#define KT_VM_SEGMENT_G	      0x8000u

/* GDTR, IDTR. */
struct kt_vm_table {
	uint64_t base;
	uint16_t limit;
};

struct kt_vm_sregs {
	struct kt_vm_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct kt_vm_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8;
	uint64_t efer;
	uint64_t apic_base; /* IA32_APIC_BASE */
};

struct kt_vm_fpu {
	uint16_t fcw, fsw, fop;
	uint8_t ftw; /* abridged as in FXSAVE: one bit per register, set: in use */
	uint64_t fip, fdp;
	uint8_t st[8][10]; /* ST(0) to ST(7), 80-bit format */
	uint32_t mxcsr;
	uint8_t ymm[16][32]; /* little-endian; the first half is XMM */
	bool avx; /* XCR0 enables AVX; false: upper halves read as 0 and are not written */
};

struct kt_vm_msr {
	uint32_t index;
	uint64_t value;
};

#define KT_VM_MSRS_MAX 256 /* MSRs in one call */

/* Which registers, and an access to them, for struct kt_vm_ops; private to vmm/. */
enum kt_vm_reg_set {
	KT_VM_REG_GENERAL, /* struct kt_vm_regs */
	KT_VM_REG_SYSTEM,  /* struct kt_vm_sregs */
	KT_VM_REG_FPU,	   /* struct kt_vm_fpu */
	KT_VM_REG_MSRS,	   /* struct kt_vm_msr[count] */
};

struct kt_vm_reg_access {
	unsigned int vcpu;
	enum kt_vm_reg_set set;
	/* The struct of the set, one of these: */
	void *to;	  /* to be read into */
	const void *from; /* to be written; NULL: read */
	size_t count;	  /* MSRS: their number */
};
