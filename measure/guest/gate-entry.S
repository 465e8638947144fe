/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where vCPUs enter the gate's guest, and its handlers of interrupts. The first vCPU
 * comes by the 64-bit boot protocol, with the first 4 GiB mapped one to one; the others
 * in real mode, by INIT and SIPI, and go straight to long mode with the tables of the
 * first. %gs is at the vCPU's part of the mailbox.
 */
#include "measure/guest/gate-guest.h"

#define CODE_SELECTOR 0x10 /* as the boot protocol has it */
#define DATA_SELECTOR 0x18

#define KERNEL_OFFSET 0x80000000 /* from where it is linked to where it runs, in 64 bits */

	.section .text.entry, "ax"
	.code64
	.globl gate_start
gate_start:
	movl $(GATE_STACKS + GATE_STACK_BYTES), %esp
	jmp gate_main

	.text
	.globl gate_trampoline_start, gate_trampoline_end
	.code16
gate_trampoline_start:
	cli
	movw %cs, %ax
	movw %ax, %ds
	lgdtl gdt_pointer - gate_trampoline_start
	movl %cr4, %eax
	orl $0x20, %eax		/* PAE */
	movl %eax, %cr4
	movl gate_cr3 - gate_trampoline_start, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx	/* EFER: long mode */
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl $0x80010011, %eax	/* PG, WP, ET, PE */
	movl %eax, %cr0
	ljmpl $CODE_SELECTOR, $(gate_ap + KERNEL_OFFSET)

	.balign 8
gdt:	.quad 0, 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long GATE_TRAMPOLINE + gdt - gate_trampoline_start
	.globl gate_cr3
	.balign 8
gate_cr3:
	.quad 0			/* filled in in the copy that runs */
gate_trampoline_end:

	.code64
gate_ap:
	movl $DATA_SELECTOR, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $1, %eax
	cpuid
	shrl $24, %ebx		/* initial APIC id */
	movl %ebx, %edi
	incl %ebx
	imull $GATE_STACK_BYTES, %ebx, %ebx
	leal GATE_STACKS(%rbx), %esp
	call gate_vcpu_main

	.macro end_of_interrupt
	pushq %rax
	pushq %rcx
	pushq %rdx
	movl $0x80b, %ecx	/* x2APIC: end of interrupt */
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	popq %rdx
	popq %rcx
	popq %rax
	.endm

	.globl gate_timer, gate_ipi, gate_spurious, gate_stop
gate_timer:
	incq %gs:GATE_TICKS
	end_of_interrupt
	iretq

gate_ipi:
	incq %gs:GATE_IPIS
	end_of_interrupt
	iretq

gate_spurious:
	iretq

gate_stop:
	cli
	hlt
	jmp gate_stop

/* One stub for each exception; those with an error code drop it. All end in words. */
	.globl gate_exceptions
	.balign 16
gate_exceptions:
	.set vector, 0
	.rept 32
	.balign 16
	.if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21)
	addq $8, %rsp
	.endif
	movl $vector, %edi
	jmp exception
	.set vector, vector + 1
	.endr

exception:
	movq (%rsp), %rsi
	andq $-16, %rsp
	call gate_exception
	jmp gate_stop

	.section .note.GNU-stack, "", @progbits
