/* SPDX-License-Identifier: GPL-2.0-only */
/* The faults of scx_field. */
#pragma once

enum field_fault {
	FIELD_NONE,
	FIELD_KICK_WAIT,	/* kicks the next of CPUs 0-2 at each enqueue, and waits for it */
	FIELD_PARTIAL,		/* schedules SCHED_EXT tasks alone, and never runs them */
	FIELD_DROP_EXITING,	/* never runs tasks that exit */
	FIELD_HOLD_KTHREADS,	/* kernel threads of one CPU wait for FIELD_HOLD_NS */
	FIELD_REVERSED_WEIGHTS, /* the heavier a task, the less CPU time */
	FIELD_ONE_CPU,		/* CPU 0 alone runs tasks that are not pinned */
	FIELD_STAY,		/* never moves a task to another CPU */
	FIELD_SLOW_SWITCH,	/* takes its time, FIELD_LOOPS, at each switch of tasks */
	FIELD_FAULT_COUNT_,
};

#define FIELD_HOLD_NS	     8000000000ull
#define FIELD_LOOPS	     2000	  /* of bpf_loop() */
#define FIELD_LONG_SLICE_NS  500000000ull /* of FIELD_ONE_CPU */
#define FIELD_SHORT_SLICE_NS 100000ull	  /* of FIELD_DROP_EXITING: exits are preempted */
