/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that the BPF programs of waits.bpf.c share with init. All times are CLOCK_MONOTONIC,
 * ns. Each cell and each CPU record has one writer: the programs on that CPU. A task record has
 * one writer at a time, because a task is switched by one CPU at a time; a wake-up from another
 * CPU writes only `since_ns` of a task that is off its CPU.
 */
#pragma once

#include <linux/types.h>

#define KT_WAITS_TASKS	  4096u /* power of two; tasks are found by pid modulo this */
#define KT_WAITS_CPUS	  256u	/* power of two; KT_CPUS_MAX */
#define KT_WAITS_LOG	  2048u /* power of two */
#define KT_WAITS_COMM	  16	/* TASK_COMM_LEN */
#define KT_WAITS_MASK	  4	/* words of a CPU mask: KT_WAITS_CPUS / 64 */
#define KT_WAITS_SHIFT	  24
#define KT_WAITS_SLICE_NS (1u << KT_WAITS_SHIFT) /* 16.8 ms */
#define KT_WAITS_SLICES	  4096u			 /* slices that are kept at most: 69 s */
#define KT_WAITS_CELLS	  (1u << 16) /* cells at most: slices are fewer on more than 16 CPUs */
/* The shortest wait that is recorded. */
#define KT_WAITS_FROM_NS 50000000u

/* What a CPU did: scheduling classes. */
enum kt_waits_kind {
	KT_WAITS_IDLE,
	KT_WAITS_EXT,
	KT_WAITS_FAIR,
	KT_WAITS_RT, /* the stop class, too */
	KT_WAITS_DL,
	KT_WAITS_KIND_COUNT_,
};

/* One CPU in one slice of time. */
struct kt_waits_cell {
	__u64 slice; /* time >> KT_WAITS_SHIFT; another one: the cell is stale */
	__u32 ns[KT_WAITS_KIND_COUNT_];
	__u32 top_pid; /* the task that ran longest */
	__u32 top_ns;
	__s32 top_prio; /* task_struct.prio: below 0 DL, below 100 RT */
	char top_comm[KT_WAITS_COMM];
};

/* What a CPU does now. */
struct kt_waits_cpu {
	__u64 since_ns; /* time of its last switch; 0: none seen */
	__u32 pid;
	__u32 kind;
	__s32 prio;
	char comm[KT_WAITS_COMM];
	__u32 hotplug; /* 1: it goes offline or comes online: its present stretch is none */
	__u64 used_ns[KT_WAITS_KIND_COUNT_]; /* since the start of the programs */
} __attribute__((aligned(64)));

struct kt_waits_task {
	__u32 pid; /* owner of the record; 0: free */
	__u32 kind;
	__u64 since_ns;	    /* begin of the present wait; 0: does not wait */
	__u64 throttled_ns; /* of its cgroups, at since_ns */
	__u64 worst_ns;	    /* longest recorded wait of this phase */
	__u64 run_ns;	    /* CPU time since the record began */
	__u64 slice;	    /* slice of slice_ns */
	__u64 allowed;	    /* CPUs 0-63 that it may run on */
	__u32 slice_ns;	    /* CPU time in that slice on slice_cpu */
	__u32 slice_cpu;
	__u32 phase;
	__s32 nice;
} __attribute__((aligned(64)));

/* One long wait. */
struct kt_waits_entry {
	__u64 start_ns, end_ns;
	__u64 throttled_ns; /* of its cgroups during the wait, summed over CPUs */
	__u64 allowed[KT_WAITS_MASK];
	__u32 pid, tgid;
	__u32 cpu;   /* CPU on which it ran at the end */
	__u32 flags; /* task_struct.flags */
	__u32 kind;  /* class at the end */
	__u32 policy;
	__s32 prio, nice;
	char comm[KT_WAITS_COMM];
};

/* The memory of the programs but for the cells. init maps it. */
struct kt_waits {
	struct kt_waits_task tasks[KT_WAITS_TASKS];
	struct kt_waits_cpu cpus[KT_WAITS_CPUS];
	struct kt_waits_entry entries[KT_WAITS_LOG];
	__u32 entry_count; /* of all waits that were to be recorded, those without a place included */
	__u32 phase;
	__u32 cpu_count;     /* CPUs of one slice in the cells */
	__u32 slices;	     /* a power of two */
	__u32 throttles;     /* 1: cgroups may have a cpu.max */
	__u32 ext_server;    /* 1: the kernel has a deadline server for sched_ext */
	__u32 ext_bandwidth; /* 1: the kernel tells sched_ext schedulers of cpu.max */
	__u64 fair_class; /* sched_class of the kernel's own scheduler, learned before any other */
};
