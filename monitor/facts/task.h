/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks of a running kernel: what they are, and what sched_ext knows of them. */
#pragma once

#include "monitor/facts/sched.h"

struct kt_task {
	uint64_t at; /* address of its struct task_struct */
	int32_t pid, tgid;
	char comm[16 + 1];   /* TASK_COMM_LEN */
	char state;	     /* letter of ps(1): 'R', 'S', 'D', ...; '?': another one */
	uint32_t state_bits; /* task_struct.__state */
	char class[16];	     /* "ext", "fair", "rt", "dl", "stop", "idle"; "?": none of these */
	uint32_t policy;     /* SCHED_...: include/uapi/linux/sched.h */
	int32_t prio;	     /* 0 to 140, the kernel's own order */
	uint32_t cpu;	     /* where it runs or ran last */
	bool on_cpu;	     /* it runs now */
	bool allowed[KT_CPUS_MAX]; /* CPUs that it may run on */
};

/* KT_SCHED_E_LACKS; conditions of enum kt_reader_condition. Likewise below. */
int kt_task_read(struct kt_sched_view *sched, uint64_t at, struct kt_task *ret_task,
		 struct kt_diag *diag) _kt_must_check_;

struct kt_task_ext {
	uint64_t dsq;	 /* address of the DSQ that it is queued in; 0: in none */
	uint64_t dsq_id; /* of this DSQ */
	uint64_t
		runnable_at; /* jiffies at which it became runnable, or the watchdog last saw it run */
	uint64_t slice_ns, vtime;
	uint32_t flags, dsq_flags, weight; /* enum scx_ent_flags, enum scx_ent_dsq_flags */
	int32_t sticky_cpu;		   /* -1: none */
};

int kt_task_ext_read(struct kt_sched_view *sched, uint64_t at, struct kt_task_ext *ret_ext,
		     struct kt_diag *diag) _kt_must_check_;

#define KT_TASK_CGROUP_MAX 512 /* bytes with 0; a longer path loses its beginning */

/* The path of the task's cgroup in the unified hierarchy: "/" is its root. */
int kt_task_cgroup(struct kt_sched_view *sched, uint64_t at, char ret_path[KT_TASK_CGROUP_MAX],
		   struct kt_diag *diag) _kt_must_check_;

/* All threads of the guest but the idle ones. */
struct kt_threads {
	struct kt_list processes, threads;
	bool in_process;
};

int kt_threads_begin(struct kt_threads *ret_threads, struct kt_sched_view *sched, size_t max,
		     struct kt_diag *diag) _kt_must_check_;
/* *ret_task: address. KT_WALK_E_END. */
int kt_threads_next(struct kt_threads *threads, struct kt_sched_view *sched, uint64_t *ret_task,
		    struct kt_diag *diag) _kt_must_check_;
