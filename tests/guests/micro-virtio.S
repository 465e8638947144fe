/* SPDX-License-Identifier: GPL-2.0-only */
/* What a driver would not do to a device's registers. The device is at MICRO_VIRTIO. */
#include "tests/guests/micro-asm.inc"

	.code64

/* Writes word 1 to every offset of the window in every width, and reads it; counts rounds. */
	entry micro_registers
1:	movq 8(%rdi), %rax
	movl $MICRO_VIRTIO, %esi
2:	movb %al, (%rsi)
	movb (%rsi), %bl
	movw %ax, (%rsi)
	movw (%rsi), %bx
	movl %eax, (%rsi)
	movl (%rsi), %ebx
	movq %rax, (%rsi)
	movq (%rsi), %rbx
	incl %esi
	cmpl $(MICRO_VIRTIO + MICRO_WINDOW - 7), %esi
	jne 2b
	incq (%rdi)
	jmp 1b

/* Writes what is at MICRO_SCRIPT each time that word 1 counts up; word 2: the status then. */
	entry micro_script
	movl $MICRO_VIRTIO, %ebp
	xorl %ebx, %ebx
1:	incl %ebx
2:	pause
	cmpq %rbx, 8(%rdi)
	jb 2b
	movl $MICRO_SCRIPT, %esi
3:	movl (%rsi), %eax
	cmpl $MICRO_SCRIPT_END, %eax
	je 4f
	movl 4(%rsi), %edx
	movl %edx, (%rbp,%rax)
	addq $8, %rsi
	jmp 3b
4:	movl 0x70(%rbp), %eax	/* status */
	movq %rax, 16(%rdi)
	movq %rbx, (%rdi)
	jmp 1b

	.section .note.GNU-stack, "", @progbits
