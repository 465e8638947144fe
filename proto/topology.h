/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The topology of a machine, its notation, and what follows from it. Whoever
 * wants to know where a CPU is asks here and does not compute it.
 *
 *   "2n4l4c2t"             2 NUMA nodes, 4 LLCs in the whole machine, 4 cores in
 *                          each LLC, 2 threads on each core: 32 CPUs
 *   "1n2l4,2c1t"           two LLCs, the first of 4 cores, the second of 2
 *   "2n2l2c1t1m"           a third node, which has memory and no CPUs
 *   "2n2l2c1t1m:20,30,17"  with distances: from node 0 to 1 and to 2, then from
 *                          node 1 to 2
 *
 * Counts are at least 1 and have no leading zeros. Each node has the same number
 * of LLCs, so the LLCs are a multiple of the nodes; that they may differ in cores
 * is how nodes differ. Counts of cores are one for all LLCs, or one for each.
 * If any node has more than one CPU, the first one must have: Linux concludes from
 * the first package whether CPUs have siblings at all (set_cpu_sibling_map() in
 * arch/x86/kernel/smpboot.c, 6.12).
 *
 * CPU ids run thread by thread, core by core, LLC by LLC, node by node. Nodes
 * without CPUs come last. Each node has an equal share of the memory.
 *
 * Distances are the upper triangle of a symmetric matrix, row by row, in the unit
 * of ACPI's SLIT (ACPI 6.5, 5.2.17): 10 from a node to itself, 11 to 254 between
 * nodes (255 would be "not reachable"), 20 where none are given.
 *
 * The notation is one word to a shell, and has none of '@', '+' and '/', which
 * separate it from other parts of a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

/* Pairs of nodes. */
#define KT_TOPOLOGY_DISTANCES_MAX (KT_DISTANCE_NODES_MAX * (KT_DISTANCE_NODES_MAX - 1) / 2)

#define KT_DISTANCE_LOCAL   10u
#define KT_DISTANCE_DEFAULT 20u
#define KT_DISTANCE_MIN	    11u
#define KT_DISTANCE_MAX	    254u

/* What is declared in the same words is equal byte for byte. */
struct kt_topology {
	uint16_t nodes;		/* with CPUs */
	uint16_t llcs;		/* in the machine */
	uint16_t cores_per_llc; /* 0: they differ, and are in cores[] */
	uint16_t threads_per_core;
	uint16_t memory_nodes;			      /* without CPUs */
	uint8_t cores[KT_CPUS_MAX];		      /* of each LLC; unused ones are 0 */
	uint8_t distances[KT_TOPOLOGY_DISTANCES_MAX]; /* of each pair; 0: the default */
};

/* The longest: a number of each LLC, of each pair of nodes, and the rest. */
#define KT_TOPOLOGY_TEXT_MAX (32 + 2 * KT_CPUS_MAX + 4 * KT_TOPOLOGY_DISTANCES_MAX)

enum kt_topology_condition {
	/* not of the notation, or a count out of bounds */
	KT_TOPOLOGY_E_FORM = KT_CONDITION(TOPOLOGY),
};

/* 0, or KT_TOPOLOGY_E_FORM with diag saying which part is wrong. */
int kt_topology_parse(struct kt_topology *ret_topo, const char *text,
		      struct kt_diag *diag) _kt_must_check_;

/* The same for a value that was not parsed. What follows is for what has passed. */
int kt_topology_check(const struct kt_topology *topo, struct kt_diag *diag) _kt_must_check_;

/* Writes the notation into buf (KT_TOPOLOGY_TEXT_MAX bytes) and returns buf. */
char *kt_topology_format(const struct kt_topology *topo, char *buf);

/* ---- counts ---- */

unsigned int kt_topology_cpus(const struct kt_topology *t);
unsigned int kt_topology_llc_cores(const struct kt_topology *t, unsigned int llc);
/* Of the LLC that has most. */
unsigned int kt_topology_cores_max(const struct kt_topology *t);
unsigned int kt_topology_node_cpus(const struct kt_topology *t, unsigned int node);

static inline unsigned int kt_topology_llcs_per_node(const struct kt_topology *t)
{
	return t->llcs / t->nodes;
}

static inline unsigned int kt_topology_llc_cpus(const struct kt_topology *t, unsigned int llc)
{
	return kt_topology_llc_cores(t, llc) * t->threads_per_core;
}

/*
 * Whether the first LLC has one CPU and others have more, which Linux cannot take
 * in on a machine where LLCs are packages; see above on nodes.
 */
static inline bool kt_topology_first_llc_misleads(const struct kt_topology *t)
{
	return kt_topology_llc_cpus(t, 0) == 1 && kt_topology_cpus(t) > t->llcs;
}

/* Nodes with CPUs, which come first, and nodes without. */
static inline unsigned int kt_topology_nodes_all(const struct kt_topology *t)
{
	return (unsigned int)t->nodes + t->memory_nodes;
}

/* ---- places ---- */

struct kt_topology_place {
	uint16_t node;
	uint16_t llc;	      /* in the machine */
	uint16_t llc_in_node; /* from 0, as all of these */
	uint16_t core;	      /* in the machine */
	uint16_t core_in_llc;
	uint16_t thread; /* in the core */
};

/* cpu: below kt_topology_cpus(). */
struct kt_topology_place kt_topology_place(const struct kt_topology *t, unsigned int cpu);

/* from, to: below kt_topology_nodes_all(). */
unsigned int kt_topology_distance(const struct kt_topology *t, unsigned int from, unsigned int to);
/* Whether any distance is not the default. */
bool kt_topology_has_distances(const struct kt_topology *t);
