/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that loads all of x87, SSE and AVX once, and from then on looks whether
 * everything is still there, without changing any of it. It counts the looks in
 * word 0 and those that found something else in word 1. In user mode, because
 * that is where every host executes it as it is.
 */
#include "tests/guests/micro-asm.inc"

	.code64
	entry micro_fpu
	movq %rdi, %r12
	fninit
	fldcw MICRO_FPU_FCW(%r12)
	.irp i, 7, 6, 5, 4, 3, 2, 1, 0
	fldt MICRO_FPU_ST + \i * 16(%r12)
	.endr
	ldmxcsr MICRO_FPU_MXCSR(%r12)
	cmpq $0, MICRO_FPU_AVX(%r12)
	jne 1f
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups MICRO_FPU + \i * 32(%r12), %xmm\i
	.endr
	jmp 2f
1:
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups MICRO_FPU + \i * 32(%r12), %ymm\i
	.endr
2:	cld

	entry micro_fpu_look
	cmpq $0, MICRO_FPU_AVX(%r12)
	jne 1f
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups %xmm\i, MICRO_FPU_YMM + \i * 32(%r12)
	.endr
	jmp 2f
1:
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups %ymm\i, MICRO_FPU_YMM + \i * 32(%r12)
	.endr
2:	leaq MICRO_FPU(%r12), %rsi
	leaq MICRO_FPU_YMM(%r12), %rdi
	movl $64, %ecx
	repe cmpsq
	jne wrong
	fxsave64 MICRO_FPU_FX(%r12)
	movl MICRO_FPU_MXCSR(%r12), %eax
	cmpl %eax, MICRO_FPU_FX + 24(%r12)
	jne wrong
	movw MICRO_FPU_FCW(%r12), %ax
	cmpw %ax, MICRO_FPU_FX(%r12)
	jne wrong
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movq MICRO_FPU_ST + \i * 16(%r12), %rax
	cmpq %rax, MICRO_FPU_FX + 32 + \i * 16(%r12)
	jne wrong
	movw MICRO_FPU_ST + 8 + \i * 16(%r12), %ax
	cmpw %ax, MICRO_FPU_FX + 40 + \i * 16(%r12)
	jne wrong
	.endr
	incq (%r12)
	jmp micro_fpu_look
wrong:	incq 8(%r12)
	jmp micro_fpu_look

	.section .note.GNU-stack, "", @progbits
