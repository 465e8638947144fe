/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds workloads in linker section "kt_workloads", and checks policies; see worker.h. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "ops/worker.h"

extern const struct kt_workload *const __start_kt_workloads[] __attribute__((weak));
extern const struct kt_workload *const __stop_kt_workloads[] __attribute__((weak));

#define TABLE_MAX 1024

static int by_name(const void *a, const void *b)
{
	const struct kt_workload *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

const struct kt_workload *const *kt_workload_table(unsigned int *ret_count)
{
	static const struct kt_workload *table[TABLE_MAX];
	static unsigned int count;

	if (!count) {
		for (const struct kt_workload *const *w = __start_kt_workloads;
		     w < __stop_kt_workloads && count < TABLE_MAX; w++)
			table[count++] = *w;
		qsort(table, count, sizeof(table[0]), by_name);
	}
	*ret_count = count;
	return table;
}

const struct kt_workload *kt_workload_find(const char *name)
{
	for (const struct kt_workload *const *w = __start_kt_workloads; w < __stop_kt_workloads;
	     w++)
		if (!strcmp((*w)->name, name))
			return *w;
	return NULL;
}

const struct kt_workload *kt_workload_at(unsigned int i)
{
	return i < __stop_kt_workloads - __start_kt_workloads ? __start_kt_workloads[i] : NULL;
}

/* linux/sched.h from 6.12 on; older headers lack it. */
#define POLICY_EXT 7

const char *kt_policy_refusal(int64_t policy, uint64_t priority)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return priority >= 1 && priority <= 99 ?
			       NULL :
			       "SCHED_FIFO and SCHED_RR need a priority from 1 to 99";
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case POLICY_EXT:
		return priority ? "only SCHED_FIFO and SCHED_RR have a priority" : NULL;
	default:
		return "the policies are SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, "
		       "SCHED_RR and SCHED_EXT (7)";
	}
}
