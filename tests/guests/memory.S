/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of a few dozen instructions that proves where RAM lies. Entered by
 * PVH (32-bit protected mode, paging off), it maps the first 8 GiB one to one
 * with 1 GiB pages, enters long mode, writes to each address of a list the
 * address itself XOR KT_GUEST_MAGIC, says "written" on the first serial port
 * and waits for ever.
 */
#include "tests/guests/vm-guest.h"

#define COM1 0x3f8

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18		/* sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start

	.text
	.code32
	.globl _start
_start:
	lgdt gdt_pointer
	movl $pml4, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax		/* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx	/* EFER */
	rdmsr
	orl $0x100, %eax	/* LME */
	wrmsr
	movl %cr0, %eax
	orl $0x80000001, %eax	/* PG, PE */
	movl %eax, %cr0
	ljmp $8, $long_mode

	.code64
long_mode:
	movabsq $KT_GUEST_MAGIC, %rdx
	leaq addresses(%rip), %rsi
1:	lodsq
	testq %rax, %rax
	jz 2f
	movq %rax, %rdi
	xorq %rdx, %rax
	movq %rax, (%rdi)
	jmp 1b
2:	leaq text(%rip), %rsi
	movw $COM1, %dx
3:	lodsb
	testb %al, %al
	jz 4f
	outb %al, %dx
	jmp 3b
4:	cli
	hlt
	jmp 4b

	.section .rodata
text:	.asciz "written\n"
	.balign 8
addresses:
	.quad KT_GUEST_ADDRESSES, 0
gdt:	.quad 0
	.quad 0x00209a0000000000 /* 64-bit code */
gdt_pointer:
	.word 15
	.long gdt

	.data
	.balign 4096
pml4:	.quad pdpt + 3
	.fill 511, 8, 0
pdpt:
	.set at, 0
	.rept 8
	.quad (at << 30) + 0x83	/* present, writable, 1 GiB */
	.set at, at + 1
	.endr
	.fill 504, 8, 0

	.section .note.GNU-stack, "", @progbits
