/* SPDX-License-Identifier: GPL-2.0-only */
/* Scheduling domains of a CPU, and what the scheduler counts of it (CONFIG_SCHEDSTATS). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "monitor/facts/sched.h"

#define KT_DOMAINS_MAX 16 /* of one CPU */

struct kt_sched_domain {
	char name[16];	 /* "SMT", "MC", "NUMA"; "": the kernel keeps none */
	uint32_t flags;	 /* SD_...: include/linux/sched/sd_flags.h */
	uint32_t weight; /* CPUs in it */
	bool has_span;
	bool span[KT_CPUS_MAX]; /* which; of a kernel whose BTF says where they are */
};

/*
 * The domains of a CPU, the smallest first. KT_SCHED_E_LACKS; KT_WALK_E_MANY: more than
 * KT_DOMAINS_MAX.
 */
int kt_sched_domains_read(struct kt_sched_view *sched, const struct kt_sched_cpu *cpu,
			  struct kt_sched_domain ret_domains[KT_DOMAINS_MAX], size_t *ret_count,
			  struct kt_diag *diag) _kt_must_check_;

/* As in /proc/schedstat: Documentation/scheduler/sched-stats.rst. */
struct kt_schedstat {
	uint32_t yields, schedules,
		idles;			 /* calls of sched_yield(); of schedule(); that went idle */
	uint32_t wakeups, local_wakeups; /* of tasks; on the same CPU */
	uint64_t run_ns, wait_ns;	 /* sums of tasks' time on and waiting for the CPU */
	uint64_t slices;		 /* times that a task got the CPU */
};

/* KT_SCHED_E_LACKS: a kernel without CONFIG_SCHEDSTATS. */
int kt_schedstat_read(struct kt_sched_view *sched, const struct kt_sched_cpu *cpu,
		      struct kt_schedstat *ret_stat, struct kt_diag *diag) _kt_must_check_;
