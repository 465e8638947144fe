/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests of a few instructions for the KVM machine, as bytes in the program that
 * runs them. Each is entered in 64-bit mode with, in rdi, the address of a word
 * that tells how far it has come.
 */
#include "tests/guests/micro-asm.inc"

	.code64

/* When word 1 says so, as the next one. */
	entry micro_count_later
1:	pause
	cmpq $0, 8(%rdi)
	je 1b

/* Memory and register alike: the host knows from rip by how much they may differ. */
	entry micro_count
	xorl %ebx, %ebx
1:	incq %rbx
	entry micro_count_store
	movq %rbx, (%rdi)
	entry micro_count_jump
	jmp 1b

/* Sends 1, 2, 3, ... to a port. */
	entry micro_out
	xorl %eax, %eax
	movw $MICRO_PORT, %dx
1:	incl %eax
	entry micro_out_insn
	outl %eax, %dx
	movq %rax, (%rdi)
	jmp 1b

/* Reads 1, 2, 3, ... from a device and gives each back; -1 if one is not the next. */
	entry micro_mmio
	movl $MICRO_MMIO, %esi
	xorl %ebx, %ebx
1:	incl %ebx
	entry micro_mmio_load
	movl (%rsi), %eax
	cmpl %ebx, %eax
	jne 2f
	entry micro_mmio_store
	movl %eax, 4(%rsi)
	movq %rbx, (%rdi)
	jmp 1b
2:	movq $-1, (%rdi)
3:	jmp 3b

/* Sends the pattern over and over by one string instruction each. */
	entry micro_string
	cld
	xorl %ebx, %ebx
	movw $MICRO_STREAM, %dx
1:	movl $MICRO_PATTERN, %esi
	movl $MICRO_STRING, %ecx
	rep outsb
	incq %rbx
	movq %rbx, (%rdi)
	jmp 1b

/* Halts, and counts the interrupts that wake it. */
	entry micro_halt
	x2apic_on
	movq $0, (%rdi)
	movl $1, %ebx
	movq %rbx, 8(%rdi)	/* ready */
1:	sti
	hlt
	jmp 1b
	entry micro_halt_handler
	incq (%rdi)
	end_of_interrupt
	iretq

/* Waits to be told by a word in memory, then brings vCPU 1 up by INIT and SIPI. */
	entry micro_wake_ap
	x2apic_on
1:	pause
	cmpq $0, (%rdi)
	je 1b
	movl $0x830, %ecx	/* interrupt command register */
	movl $1, %edx		/* to APIC 1 */
	movl $0x4500, %eax	/* INIT */
	wrmsr
	movl $(0x4600 | MICRO_AP >> 12), %eax	/* start-up */
	wrmsr
2:	incq (%rdi)
	jmp 2b

/* An exception without an interrupt table. */
	entry micro_triple_fault
	lidt 1f(%rip)
	ud2
1:	.fill 10, 1, 0

/* The keyboard controller's reset line. */
	entry micro_reset
	movb $0xfe, %al
	outb %al, $0x64
1:	incq (%rdi)
	jmp 1b

/* The register by which ACPI powers a machine off: S5, and now. */
	entry micro_power_off
	movw $0x600, %dx
	movb $0x34, %al
	outb %al, %dx
1:	incq (%rdi)
	jmp 1b

/* Executes what is no memory. */
	entry micro_run_mmio
	movl $MICRO_MMIO + 0x1000, %eax
	jmp *%rax

/* Ports nobody has claimed: reads give ones, writes vanish; then goes on counting. */
	entry micro_unclaimed
	xorl %eax, %eax
	movw $0x600, %dx
	inl %dx, %eax
	movl %eax, 8(%rdi)
	outl %eax, %dx
1:	incq (%rdi)
	jmp 1b

	entry micro_ap_start
	.code16
	xorw %ax, %ax
	movw %ax, %ds
1:	incl MICRO_AP_WORD
	jmp 1b
	entry micro_ap_end

	.section .note.GNU-stack, "", @progbits
