/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers are processes that a scenario starts and stops as a group. A workload is the
 * function that every worker of a group runs until its stop:
 *
 *	KT_WORKLOAD(spin, "never rests")
 *	{
 *		while (kt_worker_iterate(w))
 *			for (volatile int i = 0; i < 1000; i++)
 *				;
 *	}
 *
 * kt_worker_iterate() records the worker's CPU and the time since its last call, so that a
 * workload calls it at least every few milliseconds while it is runnable. A workload that
 * waits (sleeps, blocks) calls kt_worker_rest() before the wait and kt_worker_woke() or
 * kt_worker_woken() after it; the wait is then no gap. Scenario files may define workloads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "ops/cpus.h"

#define KT_WORKER_PARAMS       4
#define KT_WORKER_SHARED_BYTES 65536

struct kt_worker;
struct kt_limits; /* scenario/limit.h */

struct kt_workload {
	const char *name;		  /* [a-z0-9_]+, unique */
	const char *doc;		  /* one line, names the parameters */
	void (*run)(struct kt_worker *w); /* guest only */
};

/* A group of workers, as a scenario declares it. */
struct kt_workers {
	const char *name;      /* [a-z0-9_]+ */
	const char *workload;  /* name of a workload */
	unsigned int count;    /* workers; 0: one; at most KT_WORKER_COUNT_MAX */
	const char *cgroup;    /* cgroup at the start; NULL: the cgroup of ktest */
	struct kt_cpus cpus;   /* KT_CPUS_*(), CPU affinity at the start; 0: all CPUs */
	int nice;	       /* nice value at the start, -20 to 19 */
	int policy;	       /* policy at the start, see KT_OP_POLICY; 0: SCHED_OTHER */
	unsigned int priority; /* priority of SCHED_FIFO and SCHED_RR, 1 to 99; else 0 */
	uint64_t params[KT_WORKER_PARAMS]; /* parameters of the workload; 0: its default */
	const struct kt_limits *limits;	   /* limits of this group; NULL: none */
};

#define KT_WORKERS_ITEM(id, ...)          \
	{                                 \
		.name = (id), __VA_ARGS__ \
	}
#define KT_WORKERS(...) ((const struct kt_workers[]){ __VA_ARGS__, { 0 } })

#ifdef KT_GUEST
#define KT_WORKLOAD_RUN_(id) kt_work_##id
#else
#define KT_WORKLOAD_RUN_(id) NULL
#endif
#define KT_WORKLOAD(id, summary)                                                            \
	static void kt_work_##id(struct kt_worker *w);                                      \
	static const struct kt_workload kt_workload_##id = { .name = #id,                   \
							     .doc = (summary),              \
							     .run = KT_WORKLOAD_RUN_(id) }; \
	static const struct kt_workload *const kt_workload_record_##id                      \
		__attribute__((section("kt_workloads"), used)) = &kt_workload_##id;         \
	static __attribute__((unused)) void kt_work_##id(                                   \
		__attribute__((unused)) struct kt_worker *w)

/* The workloads that are linked into this program, sorted by name; static. */
const struct kt_workload *const *kt_workload_table(unsigned int *ret_count);

/* The workload `name` that is linked into this program, or NULL. */
const struct kt_workload *kt_workload_find(const char *name);

/* Workload i, from 0, in no particular order; NULL: there are only i. */
const struct kt_workload *kt_workload_at(unsigned int i);

/*
 * Why no worker can be given a policy with a priority (sched_setscheduler(2)); static. NULL: the
 * kernel may take them.
 */
const char *kt_policy_refusal(int64_t policy, uint64_t priority);

/* ---- functions that a workload calls, in the guest ---- */

/* Records one piece of work. False: the workload must return. */
bool kt_worker_iterate(struct kt_worker *w);
/* Begin and end of a voluntary wait. kt_worker_rest() implies kt_worker_uneven(). */
void kt_worker_rest(struct kt_worker *w);
void kt_worker_woke(struct kt_worker *w);
/* The end of a wait whose wake-up was due at due_ns (kt_now_ns()): records the latency. */
void kt_worker_woken(struct kt_worker *w, uint64_t due_ns);
/* Exit status of a worker of which the scheduler refused a task. */
#define KT_WORKER_EXIT_REFUSED 117
/*
 * Ends the worker, whose fork(2) failed with `error` (errno): with KT_WORKER_EXIT_REFUSED, which
 * fails the run, if only the scheduler can have refused the task, else with 1.
 */
_Noreturn void kt_worker_cannot_fork(struct kt_worker *w, int error);
/*
 * The worker changes its own share of CPU time: the built-in limit `spread` does not compare
 * its group.
 */
void kt_worker_uneven(struct kt_worker *w);
/* Whether the worker must stop; for loops that wait. */
bool kt_worker_is_over(const struct kt_worker *w);
/* The next random number. The run's seed determines the sequence of each worker. */
uint64_t kt_worker_random(struct kt_worker *w);
/* Parameter i; or_else if the scenario leaves it 0. */
uint64_t kt_worker_param(const struct kt_worker *w, unsigned int i, uint64_t or_else);
/* Position of the worker in its group, from 0, and workers in the group. */
unsigned int kt_worker_index(const struct kt_worker *w);
unsigned int kt_worker_count(const struct kt_worker *w);
/* KT_WORKER_SHARED_BYTES of memory that the group shares, zeroed at its start. */
void *kt_worker_shared(struct kt_worker *w);
