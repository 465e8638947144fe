/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPUs of a running kernel, and per-CPU variables. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "monitor/kernel/reader.h"

struct kt_percpu {
	unsigned int count;	       /* CPUs are 0 to count - 1: nr_cpu_ids */
	uint64_t offsets[KT_CPUS_MAX]; /* __per_cpu_offset of each, added to variable and pointer */
	bool possible[KT_CPUS_MAX], online[KT_CPUS_MAX];
};

/*
 * Reads nr_cpu_ids, the masks and the offsets. More CPUs than KT_CPUS_MAX are a lie of the
 * guest's: KT_READER_E_MEMORY. Conditions of enum kt_reader_condition.
 */
int kt_percpu_read(struct kt_reader *reader, struct kt_percpu *ret_cpus,
		   struct kt_diag *diag) _kt_must_check_;

/* The address of a per-CPU variable on a CPU. KT_READER_E_SYMBOL. */
int kt_percpu_variable(struct kt_reader *reader, const struct kt_percpu *cpus, const char *name,
		       unsigned int cpu, uint64_t *ret_address,
		       struct kt_diag *diag) _kt_must_check_;

/* Where a pointer of the kind __percpu leads on a CPU. */
static inline uint64_t kt_percpu_pointer(const struct kt_percpu *cpus, uint64_t pointer,
					 unsigned int cpu)
{
	return pointer + cpus->offsets[cpu];
}
