/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A workload that runs BPF programs in its own context. The kernel disables migration of a task
 * while it runs a program of type BPF_PROG_TYPE_SYSCALL (bpf_prog_run_pin_on_cpu(),
 * include/linux/filter.h), and such a program can be preempted: a scheduler then finds a runnable
 * task that may only run on the CPU where it is. The program is a few instructions, written here,
 * so that no compiler for BPF is needed.
 */
#include <linux/bpf.h>

#include "scenario/workload/work.h"

/* Conditional jump, with src_reg 0 "may_goto", which ends a loop after 8M rounds: Linux 6.9. */
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif

/* Loops for the number of nanoseconds that its context has, by CLOCK_MONOTONIC. */
static const struct bpf_insn insns[] = {
	/* r7 = ktime_get_ns() + *(u64 *)ctx */
	{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_7, .src_reg = BPF_REG_1 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
	{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = BPF_REG_7, .src_reg = BPF_REG_0 },
	/* do may_goto end; while (ktime_get_ns() < r7); end: */
	{ .code = BPF_JMP | BPF_JCOND, .off = 2 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
	{ .code = BPF_JMP | BPF_JLT | BPF_X, .src_reg = BPF_REG_7, .off = -3 },
	/* return 0 */
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SYSCALL,
				.insns = (uintptr_t)insns,
				.insn_cnt = KT_ARRAY_SIZE(insns),
				.license = (uintptr_t) "GPL",
				.prog_flags = BPF_F_SLEEPABLE };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

KT_WORKLOAD(bpf_run, "runs a BPF program of param 0 ns (10 ms), again and again; it cannot migrate")
{
	uint64_t ns = kt_worker_param(w, 0, KT_MS(10));
	int prog = load();

	if (prog < 0)
		_exit(1);
	while (kt_worker_iterate(w)) {
		union bpf_attr attr = { .test = { .prog_fd = (uint32_t)prog,
						  .ctx_in = (uintptr_t)&ns,
						  .ctx_size_in = sizeof(ns) } };

		if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
			_exit(1);
	}
}
