/* SPDX-License-Identifier: GPL-2.0-only */
/* The least a program can be: it ends with status 0. */
	.globl _start
_start:
	xorl %edi, %edi
	movl $60, %eax /* exit(2) */
	syscall
	.section .note.GNU-stack, "", @progbits
