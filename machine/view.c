/* SPDX-License-Identifier: GPL-2.0-only */
/* Comparison of the declared topology with the topology reported by Linux; see view.h. */
#include "base/cursor.h"
#include "machine/view.h"

static int expect_count(const char *what, uint32_t bytes, unsigned int size, unsigned int want,
			struct kt_diag *diag)
{
	if (bytes == want * size)
		return 0;
	kt_diag_cause(diag, "it has %u %s, and %u were declared", bytes / size, what, want);
	return KT_VIEW_E_OTHER;
}

static int check_cpu(const struct kt_topology *t, unsigned int i, const struct kt_cpu_place *p,
		     struct kt_diag *diag)
{
	struct kt_topology_place want = kt_topology_place(t, i);

	if (p->cpu == i && p->node == want.node && p->llc == want.llc && p->core == want.core)
		return 0;
	kt_diag_cause(diag,
		      "CPU %u is on node %u, LLC %u, core %u; declared: CPU %u on node %u, LLC %u, "
		      "core %u",
		      p->cpu, p->node, p->llc, p->core, i, want.node, want.llc, want.core);
	return KT_VIEW_E_OTHER;
}

static int check_cpus(const struct kt_topology *t, const struct kt_bytes *seen,
		      struct kt_diag *diag)
{
	struct kt_cursor c = kt_cursor_over(seen->data, seen->len);
	unsigned int cpus = kt_topology_cpus(t);

	KT_TRY(expect_count("CPUs", seen->len, KT_CPU_PLACE_BYTES, cpus, diag));
	for (unsigned int i = 0; i < cpus; i++) {
		struct kt_cpu_place p = kt_cpu_place_read(&c);

		KT_TRY(check_cpu(t, i, &p, diag));
	}
	return 0;
}

/* The kernel reports less memory than a node has: it reserves some before it counts. */
static int check_nodes(const struct kt_topology *t, uint64_t memory_bytes,
		       const struct kt_bytes *seen, struct kt_diag *diag)
{
	struct kt_cursor c = kt_cursor_over(seen->data, seen->len);
	unsigned int nodes = kt_topology_nodes_all(t);

	KT_TRY(expect_count("nodes", seen->len, KT_NODE_VIEW_BYTES, nodes, diag));
	for (unsigned int i = 0; i < nodes; i++) {
		struct kt_node_view node = kt_node_view_read(&c);

		if (node.node == i && node.memory_bytes &&
		    node.memory_bytes <= memory_bytes / nodes)
			continue;
		kt_diag_cause(diag, "node %u has %llu bytes of memory; declared: node %u with %llu",
			      node.node, (unsigned long long)node.memory_bytes, i,
			      (unsigned long long)(memory_bytes / nodes));
		return KT_VIEW_E_OTHER;
	}
	return 0;
}

static int check_distances(const struct kt_topology *t, const struct kt_bytes *seen,
			   struct kt_diag *diag)
{
	unsigned int nodes = kt_topology_nodes_all(t);

	KT_TRY(expect_count("distances", seen->len, 1, nodes * nodes, diag));
	for (unsigned int i = 0; i < nodes * nodes; i++) {
		unsigned int want = kt_topology_distance(t, i / nodes, i % nodes);

		if (seen->data[i] == want)
			continue;
		kt_diag_cause(diag, "the distance from node %u to node %u is %u; declared: %u",
			      i / nodes, i % nodes, seen->data[i], want);
		return KT_VIEW_E_OTHER;
	}
	return 0;
}

int kt_view_check(const struct kt_topology *declared, uint64_t memory_bytes,
		  const struct kt_msg_topology *seen, struct kt_diag *diag)
{
	int r = check_cpus(declared, &seen->cpus, diag);

	/* A kernel without NUMA reports no nodes; with one node there is nothing to compare. */
	if (r || (!seen->nodes.len && kt_topology_nodes_all(declared) == 1))
		return r;
	KT_TRY(check_nodes(declared, memory_bytes, &seen->nodes, diag));
	return kt_forward(check_distances(declared, &seen->distances, diag));
}
