/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks CPUID all that is on the list, and stores what it says one behind the
 * other; before that, the id of its own local APIC.
 */
#include "tests/guests/micro-asm.inc"

	.code64

	entry micro_cpuid
	x2apic_on
	movl $0x802, %ecx	/* local APIC id */
	rdmsr
	movq %rax, 8(%rdi)
	movl $MICRO_QUESTIONS, %esi
	leaq 16(%rdi), %r8
1:	movl (%rsi), %eax
	movl 4(%rsi), %ecx
	cmpl $MICRO_NO_QUESTION, %ecx
	je 2f
	cpuid
	movl %eax, (%r8)
	movl %ebx, 4(%r8)
	movl %ecx, 8(%r8)
	movl %edx, 12(%r8)
	addq $8, %rsi
	addq $16, %r8
	incq (%rdi)
	jmp 1b
2:	hlt
	jmp 2b

	.section .note.GNU-stack, "", @progbits
