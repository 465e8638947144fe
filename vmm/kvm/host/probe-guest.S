/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest of the probe. First a loop of as many rounds as the host asks for, by
 * which it takes the time; then the instructions, one by one. r15 is always where
 * to go on when one of them does not work: handlers go there, and so does the
 * host when KVM gives up. No handler returns by iret, which may itself not work.
 */
#include "vmm/kvm/host/probe-guest.h"

	.section .rodata
	.macro place name
	.globl \name
	.hidden \name
\name:
	.endm

	place kt_probe_guest
	.code64
	leaq 3f(%rip), %r15
1:	inl $PROBE_PORT_COUNT, %eax
	testl %eax, %eax
	jz 3f
2:	decl %eax
	jnz 2b
	jmp 1b

3:	leaq 4f(%rip), %r15
	xorl %eax, %eax
	xorl %edx, %edx
	lock cmpxchg16b (%rdi)
	movb $0, %al
	outb %al, $PROBE_PORT_WORKED

4:	leaq 5f(%rip), %r15
	movq %cr4, %rax
	orl $0x40000, %eax	/* OSXSAVE */
	movq %rax, %cr4
	movl $1, %eax		/* the x87 part */
	xorl %edx, %edx
	xsave 64(%rdi)
	xrstor 64(%rdi)
	movb $1, %al
	outb %al, $PROBE_PORT_WORKED

5:	leaq 6f(%rip), %r15
	int3
	jmp *%r15

6:	leaq 7f(%rip), %r15
	movl $1, %ecx
	shlx %ecx, %ecx, %edx
	cmpl $2, %edx
	jne 7f
	movb $3, %al
	outb %al, $PROBE_PORT_WORKED

7:	outb %al, $PROBE_PORT_DONE
8:	hlt
	jmp 8b

	place kt_probe_guest_int3
	movb $2, %al
	outb %al, $PROBE_PORT_WORKED
	place kt_probe_guest_fault
	movq %r14, %rsp
	jmp *%r15
	place kt_probe_guest_end

	.section .note.GNU-stack, "", @progbits
