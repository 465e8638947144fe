/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine that Linux sees, compared with the declared one. */
#include <string.h>

#include "machine/view.h"
#include "tests/unit/test.h"

#define MEMORY (UINT64_C(768) << 20)

/* What a guest would send for a machine that is as it should be. */
struct seen {
	struct kt_topology topo;
	struct kt_cpu_place cpus[KT_CPUS_MAX];
	struct kt_node_view nodes[KT_NODES_MAX];
	uint8_t cpu_bytes[KT_CPUS_MAX * KT_CPU_PLACE_BYTES];
	uint8_t node_bytes[KT_NODES_MAX * KT_NODE_VIEW_BYTES];
	uint8_t distances[9];
};

static struct seen good(void)
{
	static const uint8_t distances[] = { 10, 20, 30, 20, 10, 17, 30, 17, 10 };
	struct seen s = { .cpus = { { 0, 0, 0, 0 },
				    { 1, 0, 0, 1 },
				    { 2, 1, 1, 2 },
				    { 3, 1, 1, 3 },
				    { 4, 1, 1, 4 } } };

	assert_int_equal(kt_topology_parse(&s.topo, "2n2l2,3c1t1m:20,30,17", NULL), 0);
	for (uint16_t i = 0; i < 3; i++)
		s.nodes[i] = (struct kt_node_view){ i, MEMORY / 3 - 4096 };
	memcpy(s.distances, distances, sizeof(distances));
	return s;
}

static int check(struct seen *s, uint32_t cpus, uint32_t nodes, uint32_t distances,
		 struct kt_diag *diag)
{
	struct kt_msg_topology msg = {
		.cpus = { s->cpu_bytes, cpus * KT_CPU_PLACE_BYTES },
		.nodes = { s->node_bytes, nodes * KT_NODE_VIEW_BYTES },
		.distances = { s->distances, distances },
	};

	for (uint32_t i = 0; i < cpus; i++)
		kt_cpu_place_write(s->cpu_bytes + i * KT_CPU_PLACE_BYTES, &s->cpus[i]);
	for (uint32_t i = 0; i < nodes; i++)
		kt_node_view_write(s->node_bytes + i * KT_NODE_VIEW_BYTES, &s->nodes[i]);
	return kt_view_check(&s->topo, MEMORY, &msg, diag);
}

static void expect_other(struct seen *s, uint32_t cpus, uint32_t nodes, uint32_t distances,
			 const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(check(s, cpus, nodes, distances, &diag), KT_VIEW_E_OTHER);
	assert_string_equal(diag.cause, cause);
}

TEST(test_the_declared_machine)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct seen s = good();

	assert_int_equal(check(&s, 5, 3, 9, &diag), 0);
	assert_false(kt_diag_is_set(&diag));
}

TEST(test_counts)
{
	struct seen s = good();

	expect_other(&s, 4, 3, 9, "it has 4 CPUs, and 5 were declared");
	expect_other(&s, 6, 3, 9, "it has 6 CPUs, and 5 were declared");
	expect_other(&s, 5, 2, 9, "it has 2 nodes, and 3 were declared");
	expect_other(&s, 5, 3, 8, "it has 8 distances, and 9 were declared");
	expect_other(&s, 0, 0, 0, "it has 0 CPUs, and 5 were declared");
}

TEST(test_places_of_cpus)
{
	struct seen s = good();

	s.cpus[2] = (struct kt_cpu_place){ 2, 0, 1, 2 };
	expect_other(&s, 5, 3, 9,
		     "CPU 2 is on node 0, LLC 1, core 2; declared: CPU 2 on node 1, LLC 1, core 2");
	s.cpus[2] = (struct kt_cpu_place){ 2, 1, 0, 2 };
	expect_other(&s, 5, 3, 9,
		     "CPU 2 is on node 1, LLC 0, core 2; declared: CPU 2 on node 1, LLC 1, core 2");
	s.cpus[2] = (struct kt_cpu_place){ 2, 1, 1, 1 };
	expect_other(&s, 5, 3, 9,
		     "CPU 2 is on node 1, LLC 1, core 1; declared: CPU 2 on node 1, LLC 1, core 2");
	s.cpus[2] = (struct kt_cpu_place){ 3, 1, 1, 2 };
	expect_other(&s, 5, 3, 9,
		     "CPU 3 is on node 1, LLC 1, core 2; declared: CPU 2 on node 1, LLC 1, core 2");
}

TEST(test_nodes)
{
	struct seen s = good();

	s.nodes[2].memory_bytes = 0;
	expect_other(&s, 5, 3, 9, "node 2 has 0 bytes of memory; declared: node 2 with 268435456");
	s.nodes[2].memory_bytes = MEMORY / 3 + 1;
	expect_other(&s, 5, 3, 9,
		     "node 2 has 268435457 bytes of memory; declared: node 2 with 268435456");
	s.nodes[2] = (struct kt_node_view){ 3, 4096 };
	expect_other(&s, 5, 3, 9,
		     "node 3 has 4096 bytes of memory; declared: node 2 with 268435456");
}

TEST(test_kernel_without_numa)
{
	struct seen s = good();

	expect_other(&s, 5, 0, 0, "it has 0 nodes, and 3 were declared");
	assert_int_equal(kt_topology_parse(&s.topo, "1n1l1c1t", NULL), 0);
	assert_int_equal(check(&s, 1, 0, 0, NULL), 0);
}

TEST(test_distances)
{
	struct seen s = good();

	s.distances[7] = 18;
	expect_other(&s, 5, 3, 9, "the distance from node 2 to node 1 is 18; declared: 17");
}
