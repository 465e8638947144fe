/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The faults of scx_ktest, one per switch of its loader. ktest must detect each of them;
 * docs/detection.md shows how. All switches are constants at the load of the program, so that the
 * verifier removes a fault that is off.
 */
#pragma once

#include "schedulers/common.bpf.h"

#define STARVED_DSQ  1		 /* a queue that no CPU takes from */
#define NO_DSQ	     0xbad	 /* no queue has this id */
#define DEGRADED_ONE 3		 /* a degraded scheduler dispatches once in 3 times */
#define COMM_MAX     16		 /* TASK_COMM_LEN */
#define IS_KTHREAD   0x00200000u /* PF_KTHREAD */

/* Times in ns since the attach, or 0: never. */
const volatile __u64 stall_after_ns;   /* dispatches no task from then on */
const volatile __u64 degrade_after_ns; /* leaves CPUs idle while tasks wait from then on */
const volatile __u64 slow_ns;	       /* wastes this CPU time at each dispatch, ns */
const volatile __u64 exit_after_ns;    /* ends itself then, with a message */
const volatile __u32 starve_modulus;   /* starves tasks with pid % modulus == rest; 0: none */
const volatile __u32 starve_rest;
const volatile __s32 leak_cpu = -1; /* never uses this CPU; -1: uses all */
const volatile __u32 loader_pid;    /* never starved, because it reports the end */
const volatile __u32 nr_cpus = 1;
const volatile bool scatters;		/* wakes tasks on random CPUs */
const volatile bool has_bad_dsq;	/* inserts tasks into queue NO_DSQ */
const volatile bool fails_verify;	/* has a program with an invalid memory access */
const volatile bool loops_forever;	/* has a program with an endless loop */
const volatile char crash_on[COMM_MAX]; /* crashes the loader when a task of this name wakes */

__u64 attached_ns;
__u64 nr_asked; /* dispatches that the degraded scheduler was asked for */
__u32 crashing; /* the loader has been told to crash */

static __always_inline bool is_after(u64 ns)
{
	return ns && bpf_ktime_get_ns() - attached_ns >= ns;
}

static __always_inline bool is_starved(const struct task_struct *p)
{
	return starve_modulus && (u32)p->pid % starve_modulus == starve_rest &&
	       (u32)p->tgid != loader_pid && !(p->flags & IS_KTHREAD);
}

static __always_inline bool has_name(const struct task_struct *p)
{
	for (u32 i = 0; i < COMM_MAX; i++) {
		if (p->comm[i] != crash_on[i])
			return false;
		if (!crash_on[i])
			break;
	}
	return true;
}

static __always_inline void crash_if_it_is(const struct task_struct *p, void *events)
{
	u32 none = 0;

	if (!crash_on[0] || crashing || !has_name(p))
		return;
	crashing = 1;
	bpf_ringbuf_output(events, &none, sizeof(none), 0);
}

/* Inserts the task by a fault. False: no fault applies, and the task is in no queue. */
static __always_inline bool misplaced(struct task_struct *p, u64 enq_flags)
{
	if (is_starved(p))
		kts_insert(p, STARVED_DSQ, SCX_SLICE_DFL, enq_flags);
	else if (has_bad_dsq && !(p->flags & IS_KTHREAD))
		kts_insert(p, NO_DSQ, SCX_SLICE_DFL, enq_flags);
	else if (leak_cpu >= 0 && p->nr_cpus_allowed == 1)
		kts_insert(p, SCX_DSQ_LOCAL, SCX_SLICE_DFL, enq_flags);
	else
		return false;
	return true;
}

/* The CPU for a waking task, replaced by a fault. */
static __always_inline s32 misled(const struct task_struct *p, s32 cpu)
{
	s32 other = cpu;

	if (scatters)
		other = (s32)(bpf_get_prandom_u32() % nr_cpus);
	else if (cpu == leak_cpu)
		other = (s32)((u32)(leak_cpu + 1) % nr_cpus);
	return other == cpu || !bpf_cpumask_test_cpu((u32)other, p->cpus_ptr) ? cpu : other;
}

/* Whether a fault keeps this CPU from getting a task. */
static __always_inline bool withheld(s32 cpu)
{
	if (is_after(exit_after_ns))
		kts_error("told to give up after %llu ms", exit_after_ns / 1000000);
	return is_after(stall_after_ns) || cpu == leak_cpu ||
	       (is_after(degrade_after_ns) && __sync_fetch_and_add(&nr_asked, 1) % DEGRADED_ONE);
}

static __always_inline void dawdle(void)
{
	u64 begin_ns = bpf_ktime_get_ns();
	int i;

	if (!slow_ns)
		return;
	bpf_for(i, 0, 1 << 23) if (bpf_ktime_get_ns() - begin_ns >= slow_ns) break;
}

/* Code that the verifier refuses. */
static __always_inline s32 be_refused(void)
{
	if (fails_verify)
		return *(volatile s32 *)(unsigned long)bpf_ktime_get_ns();
	while (loops_forever)
		__sync_fetch_and_add(&nr_asked, 1);
	return 0;
}
