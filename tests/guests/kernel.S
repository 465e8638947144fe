/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A "vmlinux" of a few dozen instructions, entered by the 64-bit boot protocol:
 * long mode, the first 4 GiB mapped one to one, RSI at the zero page. The letter
 * behind the '@' of its command line says what to do:
 *
 *   w  say "word" on COM1 and power off
 *   r  say "word" and reset by the keyboard controller
 *   t  say "word" and triple-fault
 *   c  count in KT_KERNEL_COUNTER, with the TSC of each round in KT_KERNEL_TSC
 *   s  count in KT_KERNEL_COUNTER until KT_KERNEL_GO is set, then say "!" and halt
 *   f  write the numbers 0 to 9 to COM1 for ever, 4000 bytes at a time
 */
#include "tests/guests/kernel.h"

#define CMD_LINE_PTR 0x228 /* of struct boot_params (boot.rst) */
#define COM1	     0x3f8
#define FLOOD	     4000

	.text
	.code64
	.globl _start
_start:
	movl CMD_LINE_PTR(%rsi), %esi
1:	lodsb
	cmpb $'@', %al
	jne 1b
	lodsb
	movb %al, %bl
	cmpb $'c', %bl
	je count
	cmpb $'f', %bl
	je flood
	cmpb $'s', %bl
	je say
	leaq word(%rip), %rsi
	movl $COM1, %edx
	movl $4, %ecx
2:	lodsb
	outb %al, %dx
	loop 2b
	cmpb $'r', %bl
	je reset
	cmpb $'t', %bl
	je fault
	movl $0x600, %edx
	movb $0x34, %al		/* SLP_EN, type 5 */
	outb %al, %dx
	jmp stop
reset:	movb $0xfe, %al
	outb %al, $0x64
	jmp stop
fault:	lidt none(%rip)
	ud2
stop:	hlt
	jmp stop

count:	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, KT_KERNEL_TSC
	incq KT_KERNEL_COUNTER
	jmp count

say:	incq KT_KERNEL_COUNTER
	cmpq $0, KT_KERNEL_GO
	je say
	movl $COM1, %edx
	movb $'!', %al
	outb %al, %dx
	jmp stop

flood:	movl $KT_KERNEL_BUFFER, %edi
	movl $FLOOD, %ecx
	movb $'0', %al
3:	stosb
	incb %al
	cmpb $'9', %al
	jbe 4f
	movb $'0', %al
4:	loop 3b
5:	movl $KT_KERNEL_BUFFER, %esi
	movl $FLOOD, %ecx
	movl $COM1, %edx
	rep outsb
	jmp 5b

word:	.ascii "word"
	.balign 8
none:	.word 0
	.quad 0

	.section .note.GNU-stack, "", @progbits
