/* SPDX-License-Identifier: GPL-2.0-only */
/* Port and memory IO in all forms; see micro.S for the world of these guests. */
#include "tests/guests/micro-asm.inc"

	.code64

/*
 * Each width out and in, one at a time and as a string. What came in: words 1 to
 * 3 with all of rax, strings from word 8 on.
 */
	entry micro_ports
	cld
	movw $MICRO_PORTS, %dx
	movl $0x44434241, %eax
	outb %al, %dx
	outw %ax, %dx
	outl %eax, %dx
	movq $-1, %rax
	inb %dx, %al
	movq %rax, 8(%rdi)
	movq $-1, %rax
	inw %dx, %ax
	movq %rax, 16(%rdi)
	movq $-1, %rax
	inl %dx, %eax
	movq %rax, 24(%rdi)

	movl $MICRO_PATTERN, %esi
	movl $MICRO_COUNT, %ecx
	rep outsb
	movl $MICRO_COUNT, %ecx
	rep outsw
	movl $MICRO_COUNT, %ecx
	rep outsl
	std
	movl $MICRO_PATTERN + 9, %esi
	movl $MICRO_COUNT, %ecx
	rep outsb
	cld

	movq %rdi, %rbx
	addq $64, %rdi
	movl $MICRO_COUNT, %ecx
	rep insb
	movl $MICRO_COUNT, %ecx
	rep insw
	movl $MICRO_COUNT, %ecx
	rep insl
	movq %rdi, 32(%rbx)
	movq $1, (%rbx)
1:	jmp 1b

/* Takes bytes in by string instructions; word 1 if one is not the pattern's next. */
	entry micro_string_in
	cld
	movq %rdi, %rbx
	movw $MICRO_STREAM, %dx
1:	leaq 64(%rbx), %rdi
	movl $MICRO_STRING_IN, %ecx
	entry micro_string_in_insn
	rep insb
	leaq 64(%rbx), %rsi
	movl $MICRO_PATTERN, %edi
	movl $MICRO_STRING_IN, %ecx
	repe cmpsb
	je 2f
	incq 8(%rbx)
2:	incq (%rbx)
	jmp 1b

/* Each width to and from a device in memory. What came in: words 1 to 5. */
	entry micro_mmio_widths
	movl $MICRO_MMIO, %esi
	movabsq $0x8887868584838281, %rax
	movb %al, (%rsi)
	movw %ax, 2(%rsi)
	movl %eax, 4(%rsi)
	movq %rax, 8(%rsi)
	movq $-1, %rax
	movb (%rsi), %al
	movq %rax, 8(%rdi)
	movq $-1, %rax
	movw 2(%rsi), %ax
	movq %rax, 16(%rdi)
	movq $-1, %rax
	movl 4(%rsi), %eax
	movq %rax, 24(%rdi)
	movq 8(%rsi), %rax
	movq %rax, 32(%rdi)
	movl 1(%rsi), %eax	/* not aligned */
	movq %rax, 40(%rdi)
	addl $1, 4(%rsi)	/* a read and a write */
	movq $1, (%rdi)
1:	jmp 1b

/* The text to the first serial port: its first byte by itself, the rest as a string. */
	entry micro_serial
	cld
	movl $MICRO_TEXT, %esi
	movw $0x3ff, %dx	/* scratch register: keeps what it is given */
	movb $0x5a, %al
	outb %al, %dx
	xorl %eax, %eax
	inb %dx, %al
	movq %rax, 8(%rdi)
	movw $0x3fd, %dx	/* line status */
1:	inb %dx, %al
	testb $0x20, %al	/* transmitter empty */
	jz 1b
	movw $0x3f8, %dx
	outsb
	movq 16(%rdi), %rcx	/* how many more */
	rep outsb
	movq $1, (%rdi)
2:	jmp 2b

	.section .note.GNU-stack, "", @progbits
