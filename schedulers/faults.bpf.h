/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The faults that scx_ktest can be told to have, each by a switch of its loader. They
 * are what a harness has to notice; docs/detection.md shows by what each is noticed. All
 * are constants when the program is loaded, so that one that is off costs nothing.
 */
#pragma once

#include "schedulers/common.bpf.h"

#define STARVED_DSQ  1		 /* nobody takes from it */
#define NO_DSQ	     0xbad	 /* there is no such queue */
#define DEGRADED_ONE 3		 /* of so many times a degraded one takes a task */
#define COMM_MAX     16		 /* TASK_COMM_LEN */
#define IS_KTHREAD   0x00200000u /* PF_KTHREAD */

const volatile __u64 stall_after_ns;   /* no task is let run any more; 0: never, as all of these */
const volatile __u64 degrade_after_ns; /* CPUs idle while tasks wait; 1: from the beginning */
const volatile __u64 slow_ns;	       /* each task that is let run costs the CPU so long */
const volatile __u64 exit_after_ns;    /* it gives up, with a message */
const volatile __u32 starve_modulus;   /* tasks whose pid leaves starve_rest never run */
const volatile __u32 starve_rest;
const volatile __s32 leak_cpu = -1; /* a CPU that is never used */
const volatile __u32 loader_pid;    /* which is to live to tell */
const volatile __u32 nr_cpus = 1;
const volatile bool scatters;		/* a task is woken on any CPU */
const volatile bool has_bad_dsq;	/* it puts a task into a queue that there is not */
const volatile bool fails_verify;	/* it reads memory that is not its own */
const volatile bool loops_forever;	/* it has a loop that does not end */
const volatile char crash_on[COMM_MAX]; /* its loader crashes when a task of this name comes */

__u64 attached_ns;
__u64 nr_asked; /* times a CPU asked for a task */
__u32 crashing; /* the loader is to crash */

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

/* Where a task is put that is not simply queued; false: nowhere yet. */
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

/* The CPU for a task that wakes, in place of a good one. */
static __always_inline s32 misled(const struct task_struct *p, s32 cpu)
{
	s32 other = cpu;

	if (scatters)
		other = (s32)(bpf_get_prandom_u32() % nr_cpus);
	else if (cpu == leak_cpu)
		other = (s32)((u32)(leak_cpu + 1) % nr_cpus);
	return other == cpu || !bpf_cpumask_test_cpu((u32)other, p->cpus_ptr) ? cpu : other;
}

/* Whether a CPU that asks for a task gets none. */
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

/* What the verifier does not let pass. */
static __always_inline s32 be_refused(void)
{
	if (fails_verify)
		return *(volatile s32 *)(unsigned long)bpf_ktime_get_ns();
	while (loops_forever)
		__sync_fetch_and_add(&nr_asked, 1);
	return 0;
}
