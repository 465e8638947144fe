/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of CPUs, as a scenario names them: by what the machine has, or one by one.
 * What they are is found out in the guest, of the CPUs that Linux has there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/msg.h"

enum kt_cpus_kind {
	KT_CPUS_KIND_ALL,
	KT_CPUS_KIND_LIST,
	KT_CPUS_KIND_LLC,
	KT_CPUS_KIND_NODE,
	KT_CPUS_KIND_PERCENT,
	KT_CPUS_KIND_PART,
	KT_CPUS_KIND_OVERLAP,
	KT_CPUS_KIND_COUNT_,
};

struct kt_cpus {
	enum kt_cpus_kind kind;
	const char *list;   /* LIST; static */
	unsigned int index; /* LLC, NODE, PART, OVERLAP: which, from 0; PERCENT: how many */
	unsigned int count; /* PART, OVERLAP: of how many */
};

/* All of the machine. */
#define KT_CPUS_ALL()                    \
	{                                \
		.kind = KT_CPUS_KIND_ALL \
	}
/* Just these: "0-2,5"; "" is none. */
#define KT_CPUS_LIST(text)                                \
	{                                                 \
		.kind = KT_CPUS_KIND_LIST, .list = (text) \
	}
#define KT_CPUS_LLC(i)                                 \
	{                                              \
		.kind = KT_CPUS_KIND_LLC, .index = (i) \
	}
#define KT_CPUS_NODE(i)                                 \
	{                                               \
		.kind = KT_CPUS_KIND_NODE, .index = (i) \
	}
/* So many per cent, rounded up, in order of their numbers. */
#define KT_CPUS_PERCENT(n)                                 \
	{                                                  \
		.kind = KT_CPUS_KIND_PERCENT, .index = (n) \
	}
/* The i-th of n parts that have no CPU in common and together have all. */
#define KT_CPUS_PART(i, n)                                            \
	{                                                             \
		.kind = KT_CPUS_KIND_PART, .index = (i), .count = (n) \
	}
/* That part and half of the next one, rounded up; the first comes after the last. */
#define KT_CPUS_OVERLAP(i, n)                                            \
	{                                                                \
		.kind = KT_CPUS_KIND_OVERLAP, .index = (i), .count = (n) \
	}

struct kt_cpu_mask {
	uint64_t words[KT_CPUS_MAX / 64];
};

static inline bool kt_cpu_mask_has(const struct kt_cpu_mask *mask, unsigned int cpu)
{
	return cpu < KT_CPUS_MAX && mask->words[cpu / 64] >> cpu % 64 & 1;
}

/* cpu: below KT_CPUS_MAX. */
static inline void kt_cpu_mask_set(struct kt_cpu_mask *mask, unsigned int cpu, bool in)
{
	uint64_t bit = UINT64_C(1) << cpu % 64;

	mask->words[cpu / 64] = in ? mask->words[cpu / 64] | bit : mask->words[cpu / 64] & ~bit;
}

unsigned int kt_cpu_mask_count(const struct kt_cpu_mask *mask);

enum kt_cpus_condition {
	KT_CPUS_E_EMPTY = KT_CONDITION(CPUS), /* there is none of that kind */
	KT_CPUS_E_OUTSIDE,		      /* the machine has no such CPU, LLC or node */
	KT_CPUS_E_FORM,			      /* the list is none, or the part is of nothing */
};

/* Which CPUs these are, of those at `places`, in order of their numbers. */
int kt_cpus_resolve(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
		    const struct kt_cpu_place *places, unsigned int count) _kt_must_check_;

#define KT_CPU_LIST_MAX 1200 /* bytes: every other one of 256 */

/* "0-2,5", as Linux writes it; returns buf. */
char *kt_cpu_mask_format(const struct kt_cpu_mask *mask, char buf[KT_CPU_LIST_MAX]);
