/* SPDX-License-Identifier: GPL-2.0-only */
/* Known values in registers, and registers as they are found. */
#include "tests/guests/micro-asm.inc"

	.code64

/* Word 0, then every register in the order of struct kt_vm_regs. */
	entry micro_regs
	movq $1, (%rdi)
	.set i, 0
	.irp reg, rax, rbx, rcx, rdx, rsi, rdi
	movabsq $MICRO_REG(i), %\reg
	.set i, i + 1
	.endr
	movl $MICRO_REG_RSP, %esp
	.set i, 7
	.irp reg, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movabsq $MICRO_REG(i), %\reg
	.set i, i + 1
	.endr
	stc
	std
	entry micro_regs_loop
	jmp micro_regs_loop

/* The same registers to the words from 1 on, then the flags, then word 0. */
	entry micro_regs_store
	.set i, 1
	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movq %\reg, MICRO_WORDS + 8 * i
	.set i, i + 1
	.endr
	pushfq
	popq %rax
	movq %rax, MICRO_WORDS + 8 * i
	movq $2, MICRO_WORDS
1:	jmp 1b

/* Adds 1 to the MSR whose index is in word 1, and shows in word 2 what was in it. */
	entry micro_msr
	movl 8(%rdi), %ecx
	rdmsr
	movl %eax, 16(%rdi)
	movl %edx, 20(%rdi)
	addl $1, %eax
	wrmsr
	movq $1, (%rdi)
1:	jmp 1b

/* Shows what is at the start of FS in word 1, and CR2 in word 2. */
	entry micro_fs
	movq %fs:0, %rax
	movq %rax, 8(%rdi)
	movq %cr2, %rax
	movq %rax, 16(%rdi)
	movq $1, (%rdi)
1:	jmp 1b

/* A guest's own debugger: word 1 shows DR6, word 2 counts its exceptions. */
	entry micro_debug_handler
	pushq %rax
	movq %dr6, %rax
	movq %rax, 8(%rdi)
	incq 16(%rdi)
	popq %rax
	iretq

/* Shows its code segment and counts. */
	entry micro_user
	movq %cs, %rax
	movq %rax, 8(%rdi)
1:	incq (%rdi)
	jmp 1b

	.section .note.GNU-stack, "", @progbits
