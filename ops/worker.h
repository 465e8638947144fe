/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers: processes that a scenario starts and stops as a group, and what they do.
 *
 * A workload is a function that runs in each worker until it is to stop:
 *
 *	KT_WORKLOAD(spin, "never rests")
 *	{
 *		while (kt_worker_iterate(w))
 *			for (volatile int i = 0; i < 1000; i++)
 *				;
 *	}
 *
 * It calls kt_worker_iterate() at least every few milliseconds while it has work, as
 * that is where it is seen to run: on which CPU, and after what gap. Before it waits
 * for something of its own will it says kt_worker_rest(), and kt_worker_woke() after,
 * so that this is no gap. Scenario files may define workloads of their own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define KT_WORKER_PARAMS       4
#define KT_WORKER_SHARED_BYTES 65536

struct kt_worker;
struct kt_limits; /* scenario/limit.h */

struct kt_workload {
	const char *name;		  /* [a-z0-9_]+, unique */
	const char *doc;		  /* one line, with its parameters */
	void (*run)(struct kt_worker *w); /* guest only */
};

/* Some workers, as a scenario declares them. */
struct kt_workers {
	const char *name;		   /* [a-z0-9_]+ */
	const char *workload;		   /* name of one */
	unsigned int count;		   /* 0: one; at most KT_WORKER_COUNT_MAX */
	const char *cgroup;		   /* in which they begin; NULL: that of ktest */
	uint64_t params[KT_WORKER_PARAMS]; /* what they mean is up to the workload; 0: default */
	const struct kt_limits *limits;	   /* what is judged of these in another way; or NULL */
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

/* The workload of this name that is linked into this program, or NULL. */
const struct kt_workload *kt_workload_find(const char *name);

/* ---- what a workload calls, in the guest ---- */

/* Once per piece of work. False: it is to return. */
bool kt_worker_iterate(struct kt_worker *w);
/* It is going to wait because it wants to, and has waited. */
void kt_worker_rest(struct kt_worker *w);
void kt_worker_woke(struct kt_worker *w);
/*
 * What it gets of the CPUs is not to be compared with what others get, as it changes its
 * own share. Said by kt_worker_rest(), too.
 */
void kt_worker_uneven(struct kt_worker *w);
/* The same for one who was to be woken at that time of kt_now_ns(): how late it is counts. */
void kt_worker_woken(struct kt_worker *w, uint64_t due_ns);
/* Whether it is to stop, for loops that wait. */
bool kt_worker_is_over(const struct kt_worker *w);
/* Of the run's seed, another sequence in each worker. */
uint64_t kt_worker_random(struct kt_worker *w);
/* Parameter i, or what is given if that is 0. */
uint64_t kt_worker_param(const struct kt_worker *w, unsigned int i, uint64_t or_else);
unsigned int kt_worker_index(const struct kt_worker *w);
unsigned int kt_worker_count(const struct kt_worker *w);
/* Memory that all of these workers share, zeros at the start: KT_WORKER_SHARED_BYTES. */
void *kt_worker_shared(struct kt_worker *w);
