/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the CPU topology, from folders made to look like sysfs. */
#include <stdio.h>

#include "init/sysfs.h"
#include "tests/unit/folder.h"

AROUND_ALL(make_top, remove_top);

static void put(const char *text, const char *fmt, unsigned int cpu)
{
	char name[128];

	snprintf(name, sizeof(name), fmt, cpu);
	put_text(name, text);
}

static void put_cpu(unsigned int cpu, const char *core, const char *llc, const char *package,
		    const char *node)
{
	char name[64];

	put(core, "cpu%u/topology/core_cpus_list", cpu);
	put(package, "cpu%u/topology/package_cpus_list", cpu);
	if (llc)
		put(llc, "cpu%u/cache/index3/shared_cpu_list", cpu);
	snprintf(name, sizeof(name), "cpu%%u/%s/x", node);
	put("", name, cpu);
}

/* Two nodes, two LLCs, two threads on each core; node 3 becomes node 1. */
TEST(test_ids_are_dense)
{
	struct kt_cpu_place p[8];
	size_t n = 0;

	put("0-3\n", "online", 0);
	put_cpu(0, "0,2\n", "0,2\n", "0-3\n", "node0");
	put_cpu(1, "1,3\n", "1,3\n", "0-3\n", "node3");
	put_cpu(2, "0,2\n", "0,2\n", "0-3\n", "node0");
	put_cpu(3, "1,3\n", "1,3\n", "0-3\n", "node3");
	assert_int_equal(kt_topology_read(p, 8, &n, top), 0);
	assert_int_equal(n, 4);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(p[i].cpu, i);
		assert_int_equal(p[i].core, i % 2);
		assert_int_equal(p[i].llc, i % 2);
		assert_int_equal(p[i].node, i % 2);
	}
}

TEST(test_package_stands_in_for_a_missing_cache)
{
	struct kt_cpu_place p[8];
	size_t n = 0;

	put("4,6-7\n", "online", 0);
	put_cpu(4, "4\n", NULL, "4,6\n", "node0");
	put_cpu(6, "6\n", NULL, "4,6\n", "node0");
	put_cpu(7, "7\n", NULL, "7\n", "node0");
	assert_int_equal(kt_topology_read(p, 8, &n, top), 0);
	assert_int_equal(n, 3);
	assert_int_equal(p[0].cpu, 4);
	assert_int_equal(p[0].llc, 0);
	assert_int_equal(p[1].llc, 0);
	assert_int_equal(p[2].llc, 1);
	assert_int_equal(p[2].core, 2);
}

TEST(test_no_more_than_asked_for)
{
	struct kt_cpu_place p[2];
	size_t n = 0;

	put("4,6-7\n", "online", 0);
	assert_int_equal(kt_topology_read(p, 2, &n, top), 0);
	assert_int_equal(n, 2);
}

static void put_node(unsigned int node, const char *distance, const char *meminfo)
{
	put(distance, "node%u/distance", node);
	put(meminfo, "node%u/meminfo", node);
}

TEST(test_nodes)
{
	static const uint8_t distances[] = { 10, 21, 254, 10 };
	struct kt_nodes_view view;

	put("0,3\n", "online", 0);
	put_node(0, "10 21\n", "Node 0 MemTotal:         1024 kB\nNode 0 MemFree: 7 kB\n");
	put_node(3, "254 10\n", "Node 3 MemTotal: 7 kB\n");
	assert_int_equal(kt_nodes_read(&view, top), 0);
	assert_int_equal(view.count, 2);
	assert_int_equal(view.nodes[0].node, 0);
	assert_int_equal(view.nodes[1].node, 3);
	assert_int_equal(view.nodes[0].memory_bytes, 1 << 20);
	assert_int_equal(view.nodes[1].memory_bytes, 7 << 10);
	assert_memory_equal(view.distances, distances, 4);
}

TEST(test_nodes_that_make_no_sense)
{
	struct kt_nodes_view view;

	put("0-1\n", "online", 0);
	put_node(0, "10 20\n", "Node 0 MemTotal: 1024 kB\n");
	put_node(1, "20\n", "Node 1 MemTotal: 1024 kB\n");
	assert_int_equal(kt_nodes_read(&view, top), -EINVAL);
	put_node(1, "20 10 20\n", "Node 1 MemTotal: 1024 kB\n");
	assert_int_equal(kt_nodes_read(&view, top), -EINVAL);
	put_node(1, "256 10\n", "Node 1 MemTotal: 1024 kB\n");
	assert_int_equal(kt_nodes_read(&view, top), -EINVAL);
	put_node(1, "20 10\n", "Node 1 MemFree: 1024 kB\n");
	assert_int_equal(kt_nodes_read(&view, top), -EINVAL);
	put("0-64\n", "online", 0);
	assert_int_equal(kt_nodes_read(&view, top), -EINVAL);
	assert_int_equal(kt_nodes_read(&view, "/nonexistent"), 0);
	assert_int_equal(view.count, 0);
}

TEST(test_lists)
{
	struct kt_cpu_place p[2];
	size_t n;

	assert_int_equal(kt_cpulist_first("0-3,8\n"), 0);
	assert_int_equal(kt_cpulist_first("17"), 17);
	assert_int_equal(kt_cpulist_first(""), -EINVAL);
	assert_int_equal(kt_cpulist_first("-1"), -EINVAL);
	assert_int_equal(kt_cpulist_first("3-1"), -EINVAL);
	assert_int_equal(kt_cpulist_first("1-"), -EINVAL);
	assert_int_equal(kt_cpulist_first("0x3"), -EINVAL);
	assert_int_equal(kt_cpulist_first("99999999999999999999"), -EINVAL);
	put("0-1;3\n", "online", 0);
	assert_int_equal(kt_topology_read(p, 2, &n, top), -EINVAL);
	put("\n", "online", 0);
	assert_int_equal(kt_topology_read(p, 2, &n, "/nonexistent"), -ENOENT);
}
