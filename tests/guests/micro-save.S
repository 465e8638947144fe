/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest can see of having been saved: time, timers, debug registers. */
#include "tests/guests/micro-asm.inc"

	.code64

	.macro read_tsc		/* to rax */
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	.endm

/*
 * Looks at the TSC under a lock that all vCPUs share, at MICRO_WORDS + MICRO_SKEW.
 * Word 0: looks; word 1: how often it was less than at the look before, of any
 * vCPU; word 2: the largest step between two looks.
 */
	entry micro_skew
	movl $(MICRO_WORDS + MICRO_SKEW), %esi
1:	movl $1, %eax
	xchgl %eax, (%rsi)
	testl %eax, %eax
	jz 2f
	pause
	jmp 1b
2:	read_tsc
	movq 8(%rsi), %rbx
	movq %rax, 8(%rsi)
	movl $0, (%rsi)
	testq %rbx, %rbx	/* the first look of all */
	jz 4f
	subq %rbx, %rax
	jae 3f
	incq 8(%rdi)
	jmp 4f
3:	cmpq 16(%rdi), %rax
	jbe 4f
	movq %rax, 16(%rdi)
4:	incq (%rdi)
	jmp 1b

/*
 * Reads the kvm-clock as arch/x86/kernel/pvclock.c of Linux has to. Word 0: looks;
 * word 1: the last time in ns; word 2: how often it went back; word 3: the largest step.
 */
	entry micro_clock
	leaq MICRO_CLOCK(%rdi), %rsi
	movl $0x4b564d01, %ecx	/* MSR_KVM_SYSTEM_TIME_NEW */
	movl %esi, %eax
	orl $1, %eax
	xorl %edx, %edx
	wrmsr
1:	movl (%rsi), %r8d	/* version: odd while it changes */
	testl $1, %r8d
	jnz 1b
	testl %r8d, %r8d
	jz 1b
	read_tsc
	subq 8(%rsi), %rax	/* tsc_timestamp */
	movb 28(%rsi), %cl	/* tsc_shift */
	testb %cl, %cl
	js 2f
	shlq %cl, %rax
	jmp 3f
2:	negb %cl
	shrq %cl, %rax
3:	movl 24(%rsi), %edx	/* tsc_to_system_mul */
	mulq %rdx
	shrq $32, %rax
	shlq $32, %rdx
	orq %rdx, %rax
	addq 16(%rsi), %rax	/* system_time */
	cmpl (%rsi), %r8d
	jne 1b
	movq 8(%rdi), %rbx
	movq %rax, 8(%rdi)
	testq %rbx, %rbx
	jz 5f
	subq %rbx, %rax
	jae 4f
	incq 16(%rdi)
	jmp 5f
4:	cmpq 24(%rdi), %rax
	jbe 5f
	movq %rax, 24(%rdi)
5:	incq (%rdi)
	jmp 1b

/* Halts between the interrupts of a timer that goes round; word 0 counts them. */
	entry micro_periodic
	x2apic_on
	movl $0x83e, %ecx	/* divide by 1 */
	xorl %edx, %edx
	movl $0xb, %eax
	wrmsr
	movl $0x832, %ecx	/* LVT timer: periodic */
	movl $(0x20000 | MICRO_VECTOR), %eax
	wrmsr
	movl $0x838, %ecx	/* initial count; starts it */
	movl 8(%rdi), %eax
	wrmsr
1:	sti
	hlt
	jmp 1b

/* Sets its timer once to what word 1 has, of the LAPIC's clock, and halts. */
	entry micro_once
	x2apic_on
	movl $0x83e, %ecx
	xorl %edx, %edx
	movl $0xb, %eax
	wrmsr
	movl $0x832, %ecx	/* LVT timer: one shot */
	movl $MICRO_VECTOR, %eax
	wrmsr
	movl $0x838, %ecx
	movl 8(%rdi), %eax
	wrmsr
	movq $1, 16(%rdi)	/* set */
1:	sti
	hlt
	jmp 1b

/* The same by the TSC's deadline, word 1 ticks away; word 3: the deadline. */
	entry micro_once_deadline
	x2apic_on
	movl $0x832, %ecx
	xorl %edx, %edx
	movl $(0x40000 | MICRO_VECTOR), %eax
	wrmsr
	read_tsc
	addq 8(%rdi), %rax
	movq %rax, 24(%rdi)
	movq %rax, %rdx
	shrq $32, %rdx
	movl $0x6e0, %ecx	/* IA32_TSC_DEADLINE */
	wrmsr
	movq $1, 16(%rdi)
1:	sti
	hlt
	jmp 1b

/* Waits for word 1, then shows its debug registers and extended control register. */
	entry micro_show_debug
1:	pause
	cmpq $0, 8(%rdi)
	je 1b
	movq %dr0, %rax
	movq %rax, 16(%rdi)
	movq %dr1, %rax
	movq %rax, 24(%rdi)
	movq %dr2, %rax
	movq %rax, 32(%rdi)
	movq %dr3, %rax
	movq %rax, 40(%rdi)
	movq %dr7, %rax
	movq %rax, 48(%rdi)
	movq $1, (%rdi)
2:	jmp 2b

	.section .note.GNU-stack, "", @progbits
