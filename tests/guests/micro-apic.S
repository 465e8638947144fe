/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts: of timers, of the serial port, of other processors; and their start. */
#include "tests/guests/micro-asm.inc"

	.code64

/*
 * Halts until the timer wakes it, over and over. Word 0: interrupts, counted by
 * the handler of micro_halt; word 1: how often the timer was set.
 */
	entry micro_timer
	x2apic_on
	movl $0x832, %ecx	/* LVT timer: one shot */
	xorl %edx, %edx
	movl $MICRO_VECTOR, %eax
	wrmsr
	movl $0x83e, %ecx	/* divide by 1 */
	movl $0xb, %eax
	wrmsr
1:	cli
	incq 8(%rdi)
	movl $0x838, %ecx	/* initial count; starts it */
	xorl %edx, %edx
	movl $MICRO_TIMER_COUNT, %eax
	wrmsr
	sti
	hlt
	jmp 1b

/* The same with the TSC's deadline; word 2: ticks from setting to waking. */
	entry micro_deadline
	x2apic_on
	movl $0x832, %ecx	/* LVT timer: TSC deadline */
	xorl %edx, %edx
	movl $(0x40000 | MICRO_VECTOR), %eax
	wrmsr
1:	cli
	incq 8(%rdi)
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, %rbx
	addq $MICRO_TIMER_COUNT, %rax
	movq %rax, %rdx
	shrq $32, %rdx
	movl $0x6e0, %ecx	/* IA32_TSC_DEADLINE */
	wrmsr
	sti
	hlt
	cli
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	subq %rbx, %rax
	movq %rax, 16(%rdi)
	jmp 1b

/* Sends the text by the serial port's interrupts, a byte each; halts meanwhile. */
	entry micro_serial_irq
	x2apic_on
	movl $0x835, %ecx	/* LINT0, where the old controller is: masked */
	xorl %edx, %edx
	movl $0x10000, %eax
	wrmsr
	movl $MICRO_TEXT, %esi
	movw $0x3fc, %dx	/* modem control: OUT2 lets the interrupt through */
	movb $8, %al
	outb %al, %dx
	movw $0x3f9, %dx	/* interrupt enable: transmitter empty */
	movb $2, %al
	outb %al, %dx
1:	sti
	hlt
	jmp 1b
	entry micro_serial_handler
	movw $0x3fa, %dx	/* interrupt identification */
	inb %dx, %al
	cmpb $2, %al
	jne 2f
	incq (%rdi)
	movb (%rsi), %al
	testb %al, %al
	jz 2f
	incq %rsi
	movw $0x3f8, %dx
	outb %al, %dx
2:	end_of_interrupt
	iretq

/*
 * One of a ring: each interrupt from the one before is counted and passed on to
 * the one whose number is in word 1. Whoever has word 2 set sends the first.
 */
	entry micro_ipi
	x2apic_on
	movq $1, 24(%rdi)	/* ready */
1:	pause
	cmpq $0, 32(%rdi)	/* all are */
	je 1b
	cmpq $0, 16(%rdi)
	je 2f
	movl $0x830, %ecx	/* interrupt command register */
	movl 8(%rdi), %edx
	movl $(0x4000 | MICRO_VECTOR_IPI), %eax
	wrmsr
2:	sti
	hlt
	jmp 2b
	entry micro_ipi_handler
	incq (%rdi)
	end_of_interrupt
	movl $0x830, %ecx
	movl 8(%rdi), %edx
	movl $(0x4000 | MICRO_VECTOR_IPI), %eax
	wrmsr
	iretq

/* Brings up the vCPUs from 1 to the number in word 1, less one; then counts. */
	entry micro_wake_all
	x2apic_on
	movl $1, %ebx
1:	cmpq 8(%rdi), %rbx
	je 2f
	movl $0x830, %ecx
	movl %ebx, %edx
	movl $0x4500, %eax	/* INIT */
	wrmsr
	movl $(0x4600 | MICRO_APS >> 12), %eax	/* start-up */
	wrmsr
	incl %ebx
	jmp 1b
2:	incq (%rdi)
	jmp 2b

/* Takes a number and counts in the slot of that number. */
	entry micro_aps_start
	.code16
	xorw %ax, %ax
	movw %ax, %ds
	movw $1, %bx
	lock xaddw %bx, MICRO_APS_TICKET
	shlw $2, %bx
1:	incl MICRO_APS_SLOTS(%bx)
	jmp 1b
	entry micro_aps_end

	.section .note.GNU-stack, "", @progbits
