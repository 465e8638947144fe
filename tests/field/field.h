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
	FIELD_DENSE_CPUS,	/* has a queue per online CPU, and indexes queues by CPU number */
	FIELD_SPARSE_CPUS,	/* has a queue per possible CPU: no fault */
	FIELD_LATE_ATTACH,	/* attaches FIELD_LATE_S after it was opened */
	FIELD_STALE_TARGET,	/* sends a task to a CPU that it chose up to FIELD_STALE_NS ago */
	FIELD_FEW_STATES,	/* gives up if a task is one too many for its map */
	FIELD_REFUSE_TASKS,	/* ops.init_task() refuses tasks of which it can keep no state */
	FIELD_REFUSE_NEW,	/* the same, all tasks that are made after the attach */
	FIELD_LEAK_STATES,	/* the same, and states of tasks that have exited stay */
	FIELD_CGROUPS,		/* is told of cgroups and of moves between them: no fault */
	FIELD_ABSENT_KFUNC,	/* calls a function that no kernel has */
	FIELD_WILD_READ,	/* reads from an address that the verifier does not know */
	FIELD_LOCAL_FIRST,	/* leaves tasks that may not migrate for a while to the kernel; all
				 * others are in one queue */
	FIELD_REFUSE_CGROUPS, /* ops.cgroup_init() refuses cgroups that are made after the attach */
	FIELD_FAULT_COUNT_,
};

#define FIELD_HOLD_NS	     8000000000ull
#define FIELD_LOOPS	     2000	  /* of bpf_loop() */
#define FIELD_LONG_SLICE_NS  500000000ull /* of FIELD_ONE_CPU */
#define FIELD_SHORT_SLICE_NS 100000ull	  /* of FIELD_DROP_EXITING: exits are preempted */
#define FIELD_LATE_S	     1
#define FIELD_STALE_NS	     1000000ull
#define FIELD_STATES_MAX     256 /* tasks of which scx_field keeps a state */
#define FIELD_CPUS_MAX	     16	 /* of FIELD_DENSE_CPUS and FIELD_SPARSE_CPUS */
