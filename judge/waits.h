/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose fault a long wait for a CPU is: the guest reports the longest waits of all tasks, and
 * what the CPUs did meanwhile (KT_MSG_WAIT of proto/msg.h).
 */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

enum kt_wait_reason {
	KT_WAIT_SCHEDULER, /* nothing else explains it */
	KT_WAIT_THROTTLED, /* cpu.max of the task's cgroups */
	KT_WAIT_WEIGHT,	   /* the task's share of a CPU is small */
	KT_WAIT_HELD,	   /* tasks above sched_ext held every CPU that the task may run on */
};

enum kt_wait_reason kt_wait_reason(const struct kt_wait_record *wait);

/*
 * Whether nobody is to blame: tasks above sched_ext held the CPUs, and the kernel reserves no CPU
 * time for sched_ext (its ext_server, since Linux 7.0).
 */
bool kt_wait_is_nobodys(const struct kt_run_record *rec, const struct kt_wait_record *wait);

/* The longest wait of task pid; NULL: none was reported. */
const struct kt_wait_record *kt_wait_longest(const struct kt_run_record *rec, uint32_t pid);

/* The CPUs that the task may have run on; empty: not known. */
struct kt_cpu_mask kt_wait_cpus(const struct kt_wait_record *wait);

#define KT_WAIT_TEXT_MAX 512 /* bytes */

/* "CPU 1 was held by 'rt' [57] (real-time priority 50) for 8.000 of 8.100 s". Returns buf. */
const char *kt_wait_holder(char buf[KT_WAIT_TEXT_MAX], const struct kt_wait_record *wait);

/*
 * Adds a finding to rec for waits that the cell's limits do not allow: of workers beside an idle
 * CPU, of all other tasks also by length. Negative errno.
 */
int kt_waits_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
