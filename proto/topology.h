/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU topology of a machine, and its notation.
 *
 *   "2n4l4c2t"   2 NUMA nodes, 4 LLCs in the whole machine, 4 cores in each
 *                LLC, 2 threads on each core: 32 vCPUs
 *
 * Each count is at least 1; the LLCs are spread evenly over the nodes, so their
 * count is a multiple of the nodes'. CPU ids run thread by thread, core by
 * core, LLC by LLC, node by node.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

struct kt_topology {
	uint16_t nodes;
	uint16_t llcs; /* in the machine */
	uint16_t cores_per_llc;
	uint16_t threads_per_core;
};

#define KT_TOPOLOGY_TEXT_MAX 32

enum kt_topology_condition {
	KT_TOPOLOGY_E_FORM = 1, /* not of the notation, or a count out of bounds */
};

/* 0, or KT_TOPOLOGY_E_FORM with diag saying which part is wrong. */
int kt_topology_parse(struct kt_topology *ret_topo, const char *text,
		      struct kt_diag *diag) _kt_must_check_;

/* Writes the notation into buf (KT_TOPOLOGY_TEXT_MAX bytes) and returns buf. */
char *kt_topology_format(const struct kt_topology *topo, char *buf);

static inline unsigned int kt_topology_cpus(const struct kt_topology *t)
{
	return (unsigned int)t->llcs * t->cores_per_llc * t->threads_per_core;
}
