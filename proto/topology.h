/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The topology of a machine: its notation, its counts and the place of each CPU. Only this
 * module computes places.
 *
 *   "2n4l4c2t"             2 NUMA nodes, 4 LLCs in the whole machine, 4 cores per
 *                          LLC, 2 threads per core: 32 CPUs
 *   "1n2l4,2c1t"           two LLCs, the first of 4 cores, the second of 2
 *   "2n2l2c1t1m"           and 1 node with memory and without CPUs
 *   "2n2l2c1t1m:20,30,17"  and distances: node 0 to 1, node 0 to 2, node 1 to 2
 *
 * Counts are at least 1 and have no leading zeros. All nodes have the same number of
 * LLCs, so the number of LLCs is a multiple of the number of nodes; nodes differ only in
 * the cores of their LLCs. There is one count of cores for all LLCs, or one per LLC. If
 * any node has more than one CPU, the first node must have more than one: Linux derives
 * from the first package whether CPUs have siblings at all (set_cpu_sibling_map() in
 * arch/x86/kernel/smpboot.c, 6.12).
 *
 * CPU ids run thread by thread, core by core, LLC by LLC, node by node. Nodes
 * without CPUs come last. All nodes have the same amount of memory.
 *
 * Distances are the upper triangle of a symmetric matrix, row by row, in the unit of
 * ACPI's SLIT (ACPI 6.5, 5.2.17): 10 from a node to itself, 11 to 254 between nodes (255
 * would mean "unreachable"), by default 20.
 *
 * The notation is one word of a shell, without '@', '+' and '/', which separate parts of
 * a cell's name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

/* Pairs of different nodes. */
#define KT_TOPOLOGY_DISTANCES_MAX (KT_DISTANCE_NODES_MAX * (KT_DISTANCE_NODES_MAX - 1) / 2)

#define KT_DISTANCE_LOCAL   10u
#define KT_DISTANCE_DEFAULT 20u
#define KT_DISTANCE_MIN	    11u
#define KT_DISTANCE_MAX	    254u

/* Topologies with the same notation are equal byte for byte. */
struct kt_topology {
	uint16_t nodes;		/* nodes with CPUs */
	uint16_t llcs;		/* LLCs in the machine */
	uint16_t cores_per_llc; /* 0: the counts differ and are in cores[] */
	uint16_t threads_per_core;
	uint16_t memory_nodes;	    /* nodes without CPUs */
	uint8_t cores[KT_CPUS_MAX]; /* cores per LLC; unused elements are 0 */
	uint8_t distances
		[KT_TOPOLOGY_DISTANCES_MAX]; /* one per pair of nodes; 0: KT_DISTANCE_DEFAULT */
};

/* The longest notation: a number per LLC, a number per pair of nodes, and the rest. */
#define KT_TOPOLOGY_TEXT_MAX (32 + 2 * KT_CPUS_MAX + 4 * KT_TOPOLOGY_DISTANCES_MAX)

enum kt_topology_condition {
	/* not the notation, or a count out of bounds */
	KT_TOPOLOGY_E_FORM = KT_CONDITION(TOPOLOGY),
};

/* 0, or KT_TOPOLOGY_E_FORM with diag, which names the wrong part. */
int kt_topology_parse(struct kt_topology *ret_topo, const char *text,
		      struct kt_diag *diag) _kt_must_check_;

/* Checks a topology that was not parsed; the same results. All functions below require it. */
int kt_topology_check(const struct kt_topology *topo, struct kt_diag *diag) _kt_must_check_;

/* Writes the notation to buf of KT_TOPOLOGY_TEXT_MAX bytes; returns buf. */
char *kt_topology_format(const struct kt_topology *topo, char *buf);

/* ---- counts ---- */

unsigned int kt_topology_cpus(const struct kt_topology *t);
unsigned int kt_topology_llc_cores(const struct kt_topology *t, unsigned int llc);
/* Cores of the largest LLC. */
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
 * Whether the first LLC has one CPU and another LLC has more. Linux misreads this topology
 * if LLCs are packages; see "siblings" above.
 */
static inline bool kt_topology_first_llc_misleads(const struct kt_topology *t)
{
	return kt_topology_llc_cpus(t, 0) == 1 && kt_topology_cpus(t) > t->llcs;
}

/* All nodes: first the nodes with CPUs, then the nodes without. */
static inline unsigned int kt_topology_nodes_all(const struct kt_topology *t)
{
	return (unsigned int)t->nodes + t->memory_nodes;
}

/* ---- places ---- */

/* The place of a CPU; every index counts from 0. */
struct kt_topology_place {
	uint16_t node;
	uint16_t llc;	      /* index in the machine */
	uint16_t llc_in_node; /* index in the node */
	uint16_t core;	      /* index in the machine */
	uint16_t core_in_llc; /* index in the LLC */
	uint16_t thread;      /* index in the core */
};

/* cpu: below kt_topology_cpus(). */
struct kt_topology_place kt_topology_place(const struct kt_topology *t, unsigned int cpu);

/* Distance of two nodes; from, to: below kt_topology_nodes_all(). */
unsigned int kt_topology_distance(const struct kt_topology *t, unsigned int from, unsigned int to);
/* Whether any distance differs from KT_DISTANCE_DEFAULT. */
bool kt_topology_has_distances(const struct kt_topology *t);
