/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of CPUs, as a scenario declares them: by number, by topology or by proportion. The guest
 * resolves a set against the CPUs that Linux reports.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fields.h"
#include "base/limits.h"
#include "proto/msg.h"
#include "proto/topology.h"

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
	unsigned int index; /* LLC, NODE, PART, OVERLAP: number, from 0; PERCENT: per cent */
	unsigned int count; /* PART, OVERLAP: number of parts */
};

extern const struct kt_fields kt_cpus_fields;

/* All CPUs of the machine. */
#define KT_CPUS_ALL()                    \
	{                                \
		.kind = KT_CPUS_KIND_ALL \
	}
/* CPUs by number, "0-2,5"; "" is the empty set. */
#define KT_CPUS_LIST(text)                                \
	{                                                 \
		.kind = KT_CPUS_KIND_LIST, .list = (text) \
	}
/* The CPUs of last-level cache i, or of NUMA node i. */
#define KT_CPUS_LLC(i)                                 \
	{                                              \
		.kind = KT_CPUS_KIND_LLC, .index = (i) \
	}
#define KT_CPUS_NODE(i)                                 \
	{                                               \
		.kind = KT_CPUS_KIND_NODE, .index = (i) \
	}
/* The lowest n per cent of the CPUs by number, rounded up. */
#define KT_CPUS_PERCENT(n)                                 \
	{                                                  \
		.kind = KT_CPUS_KIND_PERCENT, .index = (n) \
	}
/* Part i of n disjoint parts that together are all CPUs. */
#define KT_CPUS_PART(i, n)                                            \
	{                                                             \
		.kind = KT_CPUS_KIND_PART, .index = (i), .count = (n) \
	}
/* Part i of n and the first half, rounded up, of part (i + 1) % n. */
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
	KT_CPUS_E_EMPTY = KT_CONDITION(CPUS), /* the set is empty */
	KT_CPUS_E_OUTSIDE,		      /* the machine has no such CPU, LLC or node */
	KT_CPUS_E_FORM,			      /* bad list, bad per cent, or bad part */
};

/* Resolves `cpus` among the `count` CPUs at `places`, which are sorted by number. */
int kt_cpus_resolve(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
		    const struct kt_cpu_place *places, unsigned int count) _kt_must_check_;

/* The CPUs of a topology, sorted by number. Returns their count. */
unsigned int kt_cpus_places(struct kt_cpu_place ret_places[KT_CPUS_MAX],
			    const struct kt_topology *topo);

/* Bytes of kt_cpus_refusal()'s text. */
#define KT_CPUS_TEXT_MAX (KT_TOPOLOGY_TEXT_MAX + 128)

/*
 * What is wrong with `cpus` in a machine of that topology, as an object of "names": "LLC 4;
 * topology 1n2l2c1t has LLCs 0 to 1". Returns buf; NULL: the set can be resolved.
 */
const char *kt_cpus_refusal(char buf[KT_CPUS_TEXT_MAX], const struct kt_cpus *cpus,
			    const struct kt_topology *topo);

#define KT_CPU_LIST_MAX 1200 /* bytes; the longest list has every second of 256 CPUs */

/* Writes a mask in the list format of Linux, "0-2,5". Returns buf. */
char *kt_cpu_mask_format(const struct kt_cpu_mask *mask, char buf[KT_CPU_LIST_MAX]);
