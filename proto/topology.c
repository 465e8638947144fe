/* SPDX-License-Identifier: GPL-2.0-only */
/* Topology notation; see topology.h. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/topology.h"

static int parse_count(const char **pos, char unit, uint16_t *ret_count)
{
	unsigned long v = 0;
	const char *p = *pos;

	if (*p < '1' || *p > '9')
		return KT_TOPOLOGY_E_FORM;
	for (; *p >= '0' && *p <= '9' && v <= KT_CPUS_MAX; p++)
		v = v * 10 + (unsigned long)(*p - '0');
	if (*p != unit || v > KT_CPUS_MAX)
		return KT_TOPOLOGY_E_FORM;
	*pos = p + 1;
	*ret_count = (uint16_t)v;
	return 0;
}

int kt_topology_parse(struct kt_topology *ret_topo, const char *text, struct kt_diag *diag)
{
	struct kt_topology t;
	const char *p = text;
	unsigned long cpus;

	if (parse_count(&p, 'n', &t.nodes) || parse_count(&p, 'l', &t.llcs) ||
	    parse_count(&p, 'c', &t.cores_per_llc) || parse_count(&p, 't', &t.threads_per_core) ||
	    *p) {
		kt_diag_cause(diag,
			      "topology '%s' is not of the form 1n1l2c1t (nodes, LLCs, cores per "
			      "LLC, threads per core; each from 1 to %d)",
			      text, KT_CPUS_MAX);
		return KT_TOPOLOGY_E_FORM;
	}
	if (t.llcs % t.nodes) {
		kt_diag_cause(diag, "topology '%s': %u LLCs cannot be spread evenly over %u nodes",
			      text, t.llcs, t.nodes);
		return KT_TOPOLOGY_E_FORM;
	}
	cpus = (unsigned long)t.llcs * t.cores_per_llc * t.threads_per_core;
	if (cpus > KT_CPUS_MAX || t.nodes > KT_NODES_MAX) {
		kt_diag_cause(diag, "topology '%s' has %lu CPUs on %u nodes; the most is %d on %d",
			      text, cpus, t.nodes, KT_CPUS_MAX, KT_NODES_MAX);
		return KT_TOPOLOGY_E_FORM;
	}
	*ret_topo = t;
	return 0;
}

char *kt_topology_format(const struct kt_topology *topo, char *buf)
{
	snprintf(buf, KT_TOPOLOGY_TEXT_MAX, "%un%ul%uc%ut", topo->nodes, topo->llcs,
		 topo->cores_per_llc, topo->threads_per_core);
	return buf;
}
