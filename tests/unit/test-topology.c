/* SPDX-License-Identifier: GPL-2.0-only */
/* Topology: notation, bounds, and where each CPU is. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/topology.h"
#include "tests/unit/test.h"

static struct kt_topology parse(const char *text)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_topology t;

	if (kt_topology_parse(&t, text, &diag))
		fail_msg("'%s': %s", text, diag.cause);
	return t;
}

TEST(test_good_ones)
{
	static const struct {
		const char *text;
		unsigned int cpus, nodes;
	} cases[] = {
		{ "1n1l1c1t", 1, 1 },
		{ "1n1l2c1t", 2, 1 },
		{ "2n4l4c2t", 32, 2 },
		{ "1n3l5c1t", 15, 1 },
		{ "1n1l256c1t", 256, 1 },
		{ "64n64l1c1t", 64, 64 },
		{ "1n2l4,2c1t", 6, 1 },
		{ "2n4l1,2,3,4c2t", 20, 2 },
		{ "1n2l255,1c1t", 256, 1 },
		{ "1n1l2c1t1m", 2, 2 },
		{ "2n2l1c1t62m", 2, 64 },
		{ "2n2l1c1t:21", 2, 2 },
		{ "2n2l1,2c2t", 6, 2 },
		{ "2n2l2,1c1t", 3, 2 },
		{ "2n2l3,1c1t1m:20,30,17", 4, 3 },
		{ "1n1l1c1t3m:11,254,20,20,21,22", 1, 4 },
	};
	char text[KT_TOPOLOGY_TEXT_MAX];

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_topology t = parse(cases[i].text);

		assert_int_equal(kt_topology_cpus(&t), cases[i].cpus);
		assert_int_equal(kt_topology_nodes_all(&t), cases[i].nodes);
		assert_string_equal(kt_topology_format(&t, text), cases[i].text);
		assert_int_equal(kt_topology_check(&t, NULL), 0);
	}
}

TEST(test_one_value_for_one_meaning)
{
	struct kt_topology a = parse("1n2l3,3c1t1m:20"), b = parse("1n2l3c1t1m");

	assert_memory_equal(&a, &b, sizeof(a));
	b = parse("1n2l3,4c1t1m");
	assert_memory_not_equal(&a, &b, sizeof(a));
}

/* The longest notation: a number per LLC, two digits where possible; all distances. */
TEST(test_longest_text_fits)
{
	char text[KT_TOPOLOGY_TEXT_MAX], again[KT_TOPOLOGY_TEXT_MAX];
	size_t len = (size_t)sprintf(text, "15n255l1");
	struct kt_topology t;

	for (unsigned int i = 1; i < 255; i++)
		len += (size_t)sprintf(text + len, ",%u", i == 1 ? 2 : 1);
	len += (size_t)sprintf(text + len, "c1t1m:100");
	for (unsigned int i = 1; i < KT_TOPOLOGY_DISTANCES_MAX; i++)
		len += (size_t)sprintf(text + len, ",%u", 100 + i);
	assert_true(len < sizeof(text));
	t = parse(text);
	assert_string_equal(kt_topology_format(&t, again), text);
	assert_int_equal(kt_topology_distance(&t, 15, 14), 100 + KT_TOPOLOGY_DISTANCES_MAX - 1);
}

TEST(test_bad_ones_say_why)
{
	static const struct {
		const char *text;
		const char *word;
	} cases[] = {
		{ "", "number of nodes (1 to 64) is wanted at '(end)'" },
		{ "1n1l2c", "number of threads per core (1 to 256) is wanted at '(end)'" },
		{ "1n1l2c1t ", "number of nodes of memory only (1 to 64) is wanted at ' '" },
		{ "0n1l2c1t", "number of nodes (1 to 64) is wanted at '0n1l" },
		{ "01n1l2c1t", "number of nodes" },
		{ "1n1l-2c1t", "number of cores per LLC (1 to 256) is wanted at '-2c1t'" },
		{ "1l1n2c1t", "'n' is wanted behind the number of nodes, at 'l1n2c1t'" },
		{ "99999999999999999999n1l1c1t", "number of nodes" },
		{ "65n65l1c1t", "number of nodes (1 to 64)" },
		{ "2n3l1c1t", "3 LLCs cannot be spread evenly over 2 nodes" },
		{ "1n2l256c1t", "512 CPUs are too many (the most is 256)" },
		{ "1n2l256,1c1t", "257 CPUs are too many" },
		{ "1n2l128,129c1t", "257 CPUs are too many (the most is 256)" },
		{ "64n64l1c1t1m", "65 nodes are too many (the most is 64)" },
		{ "1n2l2,c1t", "number of cores per LLC (1 to 256) is wanted at 'c1t'" },
		{ "1n2l2,0c1t", "number of cores per LLC" },
		{ "1n3l2,1c1t", "2 numbers of cores are given for 3 LLCs" },
		{ "1n2l2,1,1c1t", "more than 2 times the number of cores per LLC" },
		{ "1n1l1c1t0m", "number of nodes of memory only" },
		{ "1n1l1c1t1", "'m' is wanted behind the number of nodes of memory only" },
		{ "1n1l1c1t1m1", "nothing is wanted at '1'" },
		{ "1n1l1c1t:20", "distances: 1 are given, and 1 nodes make 0 pairs" },
		{ "2n2l1c1t:", "distance between two nodes (11 to 254) is wanted at '(end)'" },
		{ "2n2l1c1t:10", "distance between two nodes (11 to 254)" },
		{ "2n2l1c1t:255", "distance between two nodes (11 to 254)" },
		{ "2n2l1c1t:20,", "distance between two nodes (11 to 254) is wanted at '(end)'" },
		{ "2n2l1c1t:20,21", "distances: 2 are given, and 2 nodes make 1 pairs" },
		{ "3n3l1c1t:20,21", "distances: 2 are given, and 3 nodes make 3 pairs" },
		{ "2n2l1,2c1t", "only one CPU on node 0" },
		{ "2n2l1c1t:20m", "nothing is wanted at 'm'" },
	};
	struct kt_topology t = { .nodes = 77 };

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_topology_parse(&t, cases[i].text, &diag), KT_TOPOLOGY_E_FORM);
		if (!strstr(diag.cause, cases[i].word))
			fail_msg("'%s': %s", cases[i].text, diag.cause);
		assert_int_equal(t.nodes, 77); /* untouched */
	}
}

TEST(test_values_are_checked)
{
	static const struct {
		struct kt_topology topo;
		const char *word;
	} cases[] = {
		{ { 0, 1, 1, 1 }, "a count of 0 in topology 0n1l1c1t" },
		{ { 1, 0, 1, 1 }, "a count of 0" },
		{ { 1, 1, 0, 1 }, "LLC 0 has no cores in topology 1n1l0c1t" },
		{ { 1, 1, 1, 0 }, "a count of 0" },
		{ { 1, 257, 1, 1 }, "257 LLCs" },
		{ { 1, 65535, 0, 65535 }, "65535 LLCs" },
		{ { 1, 2, 65535, 1 }, "131070 CPUs" },
		{ { 1, 1, 65535, 65535 }, "4294836225 CPUs" },
		{ { 1, 3, 0, 1, .cores = { 1, 2 } }, "LLC 2 has no cores" },
		{ { 65, 65, 1, 1 }, "65 nodes" },
		{ { 1, 1, 1, 1, .memory_nodes = 65535 }, "65536 nodes" },
		{ { 1, 1, 1, 1, .memory_nodes = 16, .distances = { 21 } }, "of 17 nodes" },
		{ { 1, 1, 1, 1, .distances = { 21 } }, "more distances than pairs" },
		{ { 1, 1, 1, 1, .memory_nodes = 1, .distances = { 10 } }, "a distance of 10" },
		{ { 1, 1, 1, 1, .memory_nodes = 1, .distances = { 255 } }, "a distance of 255" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_topology_check(&cases[i].topo, &diag), KT_TOPOLOGY_E_FORM);
		if (!strstr(diag.cause, cases[i].word))
			fail_msg("%zu: '%s'", i, diag.cause);
	}
}

static void expect_place(const char *text, unsigned int cpu, struct kt_topology_place want)
{
	struct kt_topology t = parse(text);
	struct kt_topology_place got = kt_topology_place(&t, cpu);

	if (memcmp(&got, &want, sizeof(got)))
		fail_msg("%s: CPU %u: node %u LLC %u %u core %u %u thread %u", text, cpu, got.node,
			 got.llc, got.llc_in_node, got.core, got.core_in_llc, got.thread);
}

/* Node, LLC, LLC in node, core, core in LLC, thread. */
TEST(test_places)
{
	expect_place("1n1l1c1t", 0, (struct kt_topology_place){ 0, 0, 0, 0, 0, 0 });
	expect_place("2n4l4c2t", 0, (struct kt_topology_place){ 0, 0, 0, 0, 0, 0 });
	expect_place("2n4l4c2t", 13, (struct kt_topology_place){ 0, 1, 1, 6, 2, 1 });
	expect_place("2n4l4c2t", 16, (struct kt_topology_place){ 1, 2, 0, 8, 0, 0 });
	expect_place("2n4l4c2t", 31, (struct kt_topology_place){ 1, 3, 1, 15, 3, 1 });
	expect_place("2n4l2,1,3,1c2t", 4, (struct kt_topology_place){ 0, 1, 1, 2, 0, 0 });
	expect_place("2n4l2,1,3,1c2t", 6, (struct kt_topology_place){ 1, 2, 0, 3, 0, 0 });
	expect_place("2n4l2,1,3,1c2t", 11, (struct kt_topology_place){ 1, 2, 0, 5, 2, 1 });
	expect_place("2n4l2,1,3,1c2t", 13, (struct kt_topology_place){ 1, 3, 1, 6, 0, 1 });
}

TEST(test_counts)
{
	struct kt_topology t = parse("2n4l2,1,3,1c2t1m");

	assert_int_equal(kt_topology_cpus(&t), 14);
	assert_int_equal(kt_topology_llcs_per_node(&t), 2);
	assert_int_equal(kt_topology_llc_cores(&t, 2), 3);
	assert_int_equal(kt_topology_llc_cpus(&t, 2), 6);
	assert_int_equal(kt_topology_cores_max(&t), 3);
	assert_int_equal(kt_topology_node_cpus(&t, 0), 6);
	assert_int_equal(kt_topology_node_cpus(&t, 1), 8);
	assert_int_equal(kt_topology_node_cpus(&t, 2), 0);
}

static void expect_distances(const char *text, const uint8_t *want)
{
	struct kt_topology t = parse(text);
	unsigned int nodes = kt_topology_nodes_all(&t);

	for (unsigned int from = 0; from < nodes; from++)
		for (unsigned int to = 0; to < nodes; to++)
			assert_int_equal(kt_topology_distance(&t, from, to),
					 want[from * nodes + to]);
}

TEST(test_distances)
{
	static const uint8_t two[] = { 10, 20, 20, 10 }, far[] = { 10, 31, 31, 10 };
	static const uint8_t four[] = { 10, 11, 12, 13, 11, 10, 14, 15,
					12, 14, 10, 16, 13, 15, 16, 10 };
	struct kt_topology t = parse("64n64l1c1t");

	expect_distances("2n2l1c1t", two);
	expect_distances("1n1l1c1t1m:31", far);
	expect_distances("2n2l1c1t2m:11,12,13,14,15,16", four);
	assert_int_equal(kt_topology_distance(&t, 63, 62), 20);
	assert_int_equal(kt_topology_distance(&t, 63, 63), 10);
	assert_false(kt_topology_has_distances(&t));
	t = parse("2n2l1c1t:21");
	assert_true(kt_topology_has_distances(&t));
}
