/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU bandwidth of the scenario's cgroups: cpu.max, what their tasks used meanwhile, and the time
 * for which they were throttled (Documentation/admin-guide/cgroup-v2.rst, "CPU").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ops/guest/pid1.h"

/* Notes that cgroup has this cpu.max from now on; quota_ns 0: none. Reports the one before. */
void kt_bandwidth_set(struct kt_pid1 *pid1, const char *cgroup, uint64_t quota_ns,
		      uint64_t period_ns);

/* Reports all cpu.max that are in force, or that of `cgroup` alone, and forgets them. */
void kt_bandwidth_report(struct kt_pid1 *pid1, const char *cgroup);

#define KT_BANDWIDTH_LIFTED_MAX 32

/* The cpu.max that were lifted. */
struct kt_bandwidth_lifted {
	struct {
		char path[512];
		char value[64];
	} list[KT_BANDWIDTH_LIFTED_MAX];
	size_t count;
};

/*
 * Lifts the cpu.max of all cgroups of task `pid`, which may need CPU time to end. Add to a
 * zeroed record; kt_bandwidth_restore() undoes it.
 */
void kt_bandwidth_lift(struct kt_bandwidth_lifted *lifted, pid_t pid);
void kt_bandwidth_restore(const struct kt_bandwidth_lifted *lifted);

/*
 * The time for which the cgroups of task `pid` have been throttled, summed over them and over
 * CPUs, ns. *ret_period_ns: the longest period of their cpu.max, for which they may be throttled
 * without being counted yet; 0: none has a cpu.max.
 */
uint64_t kt_bandwidth_throttled_ns(pid_t pid, uint64_t *ret_period_ns);
