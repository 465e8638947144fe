/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler of a running kernel: CPUs and their runqueues, DSQs, tasks, the state of
 * sched_ext. Each function reads one thing; whoever shows them composes what it shows. What a
 * kernel has is decided by its BTF and symbols, never by its version. docs/monitor.md says what
 * each figure means.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "monitor/kernel/percpu.h"
#include "monitor/kernel/walk.h"

/* Besides those of enum kt_reader_condition and enum kt_walk_condition. */
enum kt_sched_condition {
	/* the kernel lacks the group of facts; diag says what it lacks */
	KT_SCHED_E_LACKS = KT_CONDITION(SCHED),
};

/* Groups of facts; a kernel may lack any. */
enum kt_sched_group {
	KT_SCHED_TASKS,
	KT_SCHED_THREADS,
	KT_SCHED_CGROUPS,
	KT_SCHED_RUNQUEUES,
	KT_SCHED_LENGTHS,
	KT_SCHED_EXT,
	KT_SCHED_EXT_OPS,
	KT_SCHED_OBJECT,      /* struct scx_sched, since Linux 6.16 */
	KT_SCHED_GLOBAL_DSQS, /* in it, by node */
	KT_SCHED_NODE_DSQS,   /* in objects per node, since Linux 7.1 */
	KT_SCHED_EVENTS,
	KT_SCHED_BYPASS,
	KT_SCHED_WATCHDOG,
	KT_SCHED_EXIT,
	KT_SCHED_TICK,
	KT_SCHED_DOMAINS,
	KT_SCHED_DOMAIN_NAMES,
	KT_SCHED_SPANS,
	KT_SCHED_STAT,
	KT_SCHED_SUBS, /* since Linux 7.1 */
	KT_SCHED_GROUPS_,
};

/* clang-format off */
enum kt_sched_place {
	/* KT_SCHED_TASKS */
	KT_TASK_PID, KT_TASK_TGID, KT_TASK_COMM, KT_TASK_STATE, KT_TASK_CLASS, KT_TASK_POLICY,
	KT_TASK_PRIO, KT_TASK_CPU, KT_TASK_ON_CPU, KT_TASK_ALLOWED,
	/* KT_SCHED_THREADS */
	KT_TASK_TASKS, KT_TASK_SIGNAL, KT_SIGNAL_THREADS, KT_TASK_THREAD,
	/* KT_SCHED_CGROUPS */
	KT_TASK_CGROUPS, KT_CSET_CGROUP, KT_CGROUP_NODE, KT_NODE_PARENT, KT_NODE_NAME, KT_NODE_ID,
	/* KT_SCHED_RUNQUEUES */
	KT_RQ_CURR, KT_RQ_IDLE, KT_RQ_RUNNING, KT_RQ_CLOCK,
	/* KT_SCHED_LENGTHS */
	KT_RQ_FAIR, KT_RQ_RT, KT_RQ_DL,
	/* KT_SCHED_EXT */
	KT_RQ_EXT_RUNNING, KT_RQ_EXT_FLAGS, KT_RQ_LOCAL_DSQ, KT_RQ_RUNNABLE,
	KT_DSQ_LIST, KT_DSQ_NR, KT_DSQ_SEQ, KT_DSQ_ID, KT_DSQ_HASH, KT_DSQ_NODE, KT_DSQ_NODE_FLAGS,
	KT_EXT_DSQ, KT_EXT_DSQ_NODE, KT_EXT_DSQ_FLAGS, KT_EXT_FLAGS, KT_EXT_WEIGHT,
	KT_EXT_STICKY_CPU, KT_EXT_RUNNABLE_NODE, KT_EXT_RUNNABLE_AT, KT_EXT_SLICE, KT_EXT_VTIME,
	/* KT_SCHED_EXT_OPS */
	KT_OPS_NAME,
	/* KT_SCHED_OBJECT */
	KT_OBJECT_OPS, KT_OBJECT_DSQ_HASH,
	/* KT_SCHED_GLOBAL_DSQS */
	KT_OBJECT_GLOBAL_DSQS,
	/* KT_SCHED_NODE_DSQS */
	KT_OBJECT_NODES, KT_NODE_GLOBAL_DSQ,
	/* KT_SCHED_EVENTS */
	KT_OBJECT_PCPU, KT_PCPU_EVENTS,
	/* KT_SCHED_BYPASS */
	KT_OBJECT_BYPASS,
	/* KT_SCHED_WATCHDOG */
	KT_OBJECT_TIMEOUT,
	/* KT_SCHED_EXIT */
	KT_EXIT_KIND, KT_EXIT_CODE, KT_EXIT_REASON, KT_EXIT_MSG,
	/* KT_SCHED_TICK */
	KT_CLOCKSOURCE_MULT, KT_CLOCKSOURCE_SHIFT,
	/* KT_SCHED_DOMAINS */
	KT_RQ_DOMAIN, KT_DOMAIN_PARENT, KT_DOMAIN_FLAGS, KT_DOMAIN_WEIGHT,
	/* KT_SCHED_DOMAIN_NAMES */
	KT_DOMAIN_NAME,
	/* KT_SCHED_SPANS */
	KT_DOMAIN_SPAN,
	/* KT_SCHED_STAT */
	KT_RQ_YIELDS, KT_RQ_SCHEDULES, KT_RQ_IDLES, KT_RQ_WAKEUPS, KT_RQ_LOCAL_WAKEUPS, KT_RQ_RUN,
	KT_RQ_WAIT, KT_RQ_SLICES,
	/* KT_SCHED_SUBS */
	KT_SUB_CHILDREN, KT_SUB_SIBLING, KT_SUB_LEVEL, KT_SUB_CGROUP,
	KT_SCHED_PLACES_,
};
/* clang-format on */

/* How the scheduler of one kernel is read; made once per kernel. */
struct kt_sched_view {
	struct kt_walk walk; /* has the reader */
	struct kt_percpu cpus;
	struct kt_place places[KT_SCHED_PLACES_];
	char lacks[KT_SCHED_GROUPS_][KT_LACKS_MAX]; /* "": the kernel has the group */
	uint64_t cursor;  /* flag of an entry of a DSQ that is an iterator's, no task; 0: none */
	uint64_t tick_ns; /* length of a jiffy; 0: unknown */
};

/*
 * reader is borrowed for the life of the struct. Fails only if the CPUs cannot be read:
 * conditions of enum kt_reader_condition.
 */
int kt_sched_init(struct kt_sched_view *ret_sched, struct kt_reader *reader,
		  struct kt_diag *diag) _kt_must_check_;

/* ---- CPUs ---- */

struct kt_sched_cpu {
	uint64_t rq;	     /* address of its struct rq */
	uint64_t curr, idle; /* tasks; equal: the CPU is idle */
	uint64_t clock_ns;   /* rq->clock, as of the last update */
	uint32_t nr_running; /* of all classes, with the current one */
	bool has_lengths;
	uint32_t fair, rt, dl; /* runnable tasks of these classes */
	bool has_ext;
	uint32_t ext, ext_flags; /* runnable tasks of sched_ext; enum scx_rq_flags */
	uint64_t local_dsq;	 /* address */
};

/* One that is online. KT_SCHED_E_LACKS. */
int kt_sched_cpu_read(struct kt_sched_view *sched, unsigned int cpu, struct kt_sched_cpu *ret_cpu,
		      struct kt_diag *diag) _kt_must_check_;

/* Reads the runqueues of all online CPUs and their tasks' pages at once. */
int kt_sched_read_ahead(struct kt_sched_view *sched) _kt_must_check_;

/* The tasks of sched_ext that wait for this CPU: all that are runnable but the current one. */
int kt_sched_runnable_begin(struct kt_list *ret_list, struct kt_sched_view *sched,
			    const struct kt_sched_cpu *cpu, size_t max,
			    struct kt_diag *diag) _kt_must_check_;
/* *ret_task: address. KT_WALK_E_END. */
int kt_sched_runnable_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_task,
			   struct kt_diag *diag) _kt_must_check_;

/* ---- DSQs ---- */

/* Ids of enum scx_dsq_id_flags, include/linux/sched/ext.h. */
#define KT_DSQ_BUILTIN (UINT64_C(1) << 63)
#define KT_DSQ_GLOBAL  (KT_DSQ_BUILTIN | 1)
#define KT_DSQ_LOCAL   (KT_DSQ_BUILTIN | 2)

struct kt_dsq {
	uint64_t at, id;
	uint32_t nr, seq; /* as the kernel counts: tasks; tasks that were ever queued */
};

int kt_dsq_read(struct kt_sched_view *sched, uint64_t at, struct kt_dsq *ret_dsq,
		struct kt_diag *diag) _kt_must_check_;

/* The tasks of a DSQ in the order in which they are consumed. */
struct kt_list kt_dsq_tasks_begin(struct kt_sched_view *sched, uint64_t at, size_t max);
int kt_dsq_tasks_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_task,
		      struct kt_diag *diag) _kt_must_check_;

/*
 * The global DSQ of a NUMA node of the scheduler `object` (0: before Linux 6.16). KT_SCHED_E_LACKS,
 * KT_READER_E_NULL: no scheduler has been there yet.
 */
int kt_dsq_global(struct kt_sched_view *sched, uint64_t object, unsigned int node,
		  uint64_t *ret_dsq, struct kt_diag *diag) _kt_must_check_;
/* The number of NUMA nodes, at most KT_NODES_MAX. */
unsigned int kt_sched_nodes(struct kt_sched_view *sched);

/* The DSQs that the scheduler `object` (0: before Linux 6.16) has made, in no order. */
int kt_dsqs_begin(struct kt_hash *ret_hash, struct kt_sched_view *sched, uint64_t object,
		  size_t max, struct kt_diag *diag) _kt_must_check_;
int kt_dsqs_next(struct kt_hash *hash, struct kt_sched_view *sched, uint64_t *ret_dsq,
		 struct kt_diag *diag) _kt_must_check_;

/* ---- sched_ext ---- */

#define KT_EXT_TEXT_MAX 1024 /* SCX_EXIT_MSG_LEN of kernel/sched/ext.c; also of names and reasons */

struct kt_ext {
	char state[64]; /* enumerator of its enum, as "SCX_ENABLED"; or the number */
	bool live;	/* a scheduler is enabled, or on its way there or back */
	uint64_t
		object; /* the root scheduler's struct scx_sched; 0: none, or the kernel has none */
	char name[128]; /* of the ops; "": none */
	uint64_t jiffies;
	/* What a kernel lacks is absent: the flag is false. */
	bool has_bypass, has_watchdog;
	int64_t bypass_depth;
	uint64_t watchdog_timeout, watchdog_timestamp; /* jiffies */
};

/* KT_SCHED_E_LACKS: a kernel without sched_ext. */
int kt_ext_read(struct kt_sched_view *sched, struct kt_ext *ret_ext,
		struct kt_diag *diag) _kt_must_check_;

struct kt_ext_exit {
	char kind[64]; /* enumerator of enum scx_exit_kind, or the number */
	int64_t code;
	char reason[128], msg[KT_EXT_TEXT_MAX];
};

/*
 * The exit information of the scheduler `object` (0: before Linux 6.16). Empty texts: the kernel
 * keeps none now. KT_SCHED_E_LACKS.
 */
int kt_ext_exit_read(struct kt_sched_view *sched, uint64_t object, struct kt_ext_exit *ret_exit,
		     struct kt_diag *diag) _kt_must_check_;

#define KT_EXT_EVENTS_MAX 128

struct kt_ext_event {
	char name[64]; /* "SCX_EV_SELECT_CPU_FALLBACK" */
	int64_t count; /* sum over all possible CPUs */
};

/* The events of a scheduler, as many as its kernel has. KT_SCHED_E_LACKS. */
int kt_ext_events_read(struct kt_sched_view *sched, uint64_t object,
		       struct kt_ext_event ret_events[KT_EXT_EVENTS_MAX], size_t *ret_count,
		       struct kt_diag *diag) _kt_must_check_;

/* ---- sub-schedulers ---- */

struct kt_ext_sub {
	char name[128];	  /* of its ops */
	char cgroup[256]; /* path; "": the kernel has none */
	int32_t level;	  /* 0: the root scheduler */
};

/* A scheduler by its struct scx_sched, also the root. KT_SCHED_E_LACKS. */
int kt_ext_sub_read(struct kt_sched_view *sched, uint64_t object, struct kt_ext_sub *ret_sub,
		    struct kt_diag *diag) _kt_must_check_;
/* The sub-schedulers right below `object`; *ret_object: the struct scx_sched of one. */
int kt_ext_subs_begin(struct kt_list *ret_list, struct kt_sched_view *sched, uint64_t object,
		      size_t max, struct kt_diag *diag) _kt_must_check_;
int kt_ext_subs_next(struct kt_list *list, struct kt_sched_view *sched, uint64_t *ret_object,
		     struct kt_diag *diag) _kt_must_check_;
