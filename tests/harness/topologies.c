/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Linux makes of a machine, compared with its declaration: each scenario
 * reads all that sysfs says of CPUs, caches and nodes. What is wanted is counted
 * out anew here, CPU by CPU, and not taken from what the machine was made with.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ktest.h>

#include "base/cleanup.h"
#include "proto/topology.h"

#define CPU    "/sys/devices/system/cpu"
#define NODE   "/sys/devices/system/node"
#define MEMORY KT_MIB(1024)
#define CPUID_DIES 0x1f /* leaf of the V2 extended topology: Intel SDM, CPUID */
#define UNIT   KT_MIB(2) /* nodes are made of such */

/* Kernel, its tables, and what it takes for itself before it counts its memory. */
#define MISSING_FIRST_NODE KT_MIB(96)
#define MISSING_OTHER_NODE KT_MIB(16)

struct range {
	unsigned int first, last;
};

/* The groups that one CPU is in. */
struct want {
	struct range core, llc, node;
};

struct machine {
	struct kt_guest *kg;
	struct kt_topology topo;
	struct want cpus[KT_CPUS_MAX];
	struct range nodes[KT_NODES_MAX];
	unsigned int cpu_count;
	bool dies;	   /* Linux can tell a die from a package */
	bool llc_packages; /* LLCs are packages, of which a node may have several */
	bool shares_l1;	   /* the threads of a core share their first caches */
};

/* ---- what is wanted ---- */

static void count_llc(struct machine *m, unsigned int cores, struct want *want)
{
	unsigned int threads = m->topo.threads_per_core, first = m->cpu_count;

	want->llc = (struct range){ first, first + cores * threads - 1 };
	for (unsigned int i = 0; i < cores * threads; i++) {
		unsigned int core = first + i / threads * threads;

		want->core = (struct range){ core, core + threads - 1 };
		m->cpus[m->cpu_count++] = *want;
	}
}

static void count_out(struct machine *m)
{
	const struct kt_topology *t = &m->topo;
	unsigned int per_node = t->llcs / t->nodes;

	for (unsigned int node = 0; node < t->nodes; node++) {
		struct want want = { .node = { 0 } };
		unsigned int first = m->cpu_count;

		for (unsigned int i = node * per_node; i < (node + 1) * per_node; i++)
			count_llc(m, t->cores_per_llc ? t->cores_per_llc : t->cores[i], &want);
		m->nodes[node] = (struct range){ first, m->cpu_count - 1 };
		for (unsigned int cpu = first; cpu < m->cpu_count; cpu++)
			m->cpus[cpu].node = m->nodes[node];
	}
}

/* ---- what there is ---- */

/* A file of one line, without its end; "?" if it cannot be read. */
static const char *line_of(const char *path)
{
	static char line[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return "?";
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return line;
}

static void expect_line(struct machine *m, const char *path, const char *want)
{
	const char *line = line_of(path);

	KT_G_EXPECT_MSG(m->kg, !strcmp(line, want), "%s is '%s' and should be '%s'", path, line,
			want);
}

static void expect_range(struct machine *m, const char *path, struct range r)
{
	char want[32];

	snprintf(want, sizeof(want), r.first == r.last ? "%u" : "%u-%u", r.first, r.last);
	expect_line(m, path, want);
}

static unsigned int number_of(struct machine *m, unsigned int cpu, const char *name)
{
	char path[128], *end;
	unsigned long v;

	snprintf(path, sizeof(path), CPU "/cpu%u/topology/%s", cpu, name);
	v = strtoul(line_of(path), &end, 10);
	KT_G_EXPECT_MSG(m->kg, end != line_of(path) && !*end, "%s is no number", path);
	return (unsigned int)v;
}

static bool is_same(struct range a, struct range b)
{
	return a.first == b.first;
}

/* Two CPUs have the same id if they should, and other ones if not. */
static void expect_ids(struct machine *m, unsigned int a, unsigned int b, const char *name,
		       bool same)
{
	unsigned int x = number_of(m, a, name), y = number_of(m, b, name);

	KT_G_EXPECT_MSG(m->kg, (x == y) == same, "%s of CPU %u is %u, of CPU %u %u", name, a, x, b,
			y);
}

static struct range package_of(const struct machine *m, unsigned int cpu)
{
	return m->llc_packages ? m->cpus[cpu].llc : m->cpus[cpu].node;
}

static void check_ids(struct machine *m, unsigned int cpu)
{
	for (unsigned int k = 0; k < cpu; k++) {
		const struct want *a = &m->cpus[cpu], *b = &m->cpus[k];
		bool same = is_same(package_of(m, cpu), package_of(m, k));

		expect_ids(m, cpu, k, "physical_package_id", same);
		if (!same)
			continue; /* the others are ids within a package */
		if (m->dies)
			expect_ids(m, cpu, k, "die_id", is_same(a->llc, b->llc));
		expect_ids(m, cpu, k, "core_id", is_same(a->core, b->core));
	}
}

static void check_cpu(struct machine *m, unsigned int cpu)
{
	const struct want *want = &m->cpus[cpu];
	const struct range own = { cpu, cpu }, package = package_of(m, cpu);
	const struct {
		const char *name;
		struct range range;
	} files[] = {
		{ "topology/thread_siblings_list", want->core },
		{ "topology/core_cpus_list", want->core },
		{ "topology/die_cpus_list", m->dies ? want->llc : package },
		{ "topology/package_cpus_list", package },
		{ "topology/core_siblings_list", package },
		{ "cache/index0/shared_cpu_list", m->shares_l1 ? want->core : own },
		{ "cache/index1/shared_cpu_list", m->shares_l1 ? want->core : own },
		{ "cache/index2/shared_cpu_list", want->core },
		{ "cache/index3/shared_cpu_list", want->llc },
	};
	char path[128];

	for (size_t i = 0; i < KT_ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), CPU "/cpu%u/%s", cpu, files[i].name);
		expect_range(m, path, files[i].range);
	}
	for (unsigned int level = 1; level <= 3; level++) {
		snprintf(path, sizeof(path), CPU "/cpu%u/cache/index%u/level", cpu,
			 level == 1 ? 0 : level);
		expect_line(m, path, level == 1 ? "1" : level == 2 ? "2" : "3");
	}
	check_ids(m, cpu);
}

static void check_distances(struct machine *m, unsigned int node)
{
	unsigned int nodes = m->topo.nodes + m->topo.memory_nodes;
	char path[64], want[512] = "";
	size_t len = 0;

	for (unsigned int to = 0; to < nodes; to++)
		len += (size_t)snprintf(want + len, sizeof(want) - len, to ? " %u" : "%u",
					kt_topology_distance(&m->topo, node, to));
	snprintf(path, sizeof(path), NODE "/node%u/distance", node);
	expect_line(m, path, want);
}

static void check_memory(struct machine *m, unsigned int node)
{
	unsigned int nodes = m->topo.nodes + m->topo.memory_nodes;
	uint64_t share = (MEMORY / nodes + UNIT - 1) / UNIT * UNIT;
	unsigned long long kib = 0, missing = node ? MISSING_OTHER_NODE : MISSING_FIRST_NODE;
	char path[64];

	snprintf(path, sizeof(path), NODE "/node%u/meminfo", node);
	KT_G_EXPECT_MSG(m->kg, sscanf(line_of(path), "Node %*u MemTotal: %llu kB", &kib) == 1,
			"%s is '%s'", path, line_of(path));
	KT_G_EXPECT_MSG(m->kg, kib << 10 <= share && (kib << 10) + missing >= share,
			"node %u has %llu KiB, and its share is %llu KiB", node, kib,
			(unsigned long long)share >> 10);
}

static void check_node(struct machine *m, unsigned int node)
{
	char path[64];

	snprintf(path, sizeof(path), NODE "/node%u/cpulist", node);
	if (node < m->topo.nodes)
		expect_range(m, path, m->nodes[node]);
	else
		expect_line(m, path, "");
	check_distances(m, node);
	check_memory(m, node);
}

static void check_lists(struct machine *m)
{
	struct range cpus = { 0, m->cpu_count - 1 };
	struct range nodes = { 0, m->topo.nodes + m->topo.memory_nodes - 1u };

	expect_range(m, CPU "/online", cpus);
	expect_range(m, CPU "/present", cpus);
	expect_range(m, CPU "/possible", cpus);
	expect_range(m, NODE "/online", nodes);
	expect_range(m, NODE "/has_memory", nodes);
	expect_range(m, NODE "/has_cpu", (struct range){ 0, m->topo.nodes - 1u });
}

/* What /proc/cpuinfo says of the first CPU behind "NAME :"; "" if nothing. */
static const char *cpuinfo(const char *name)
{
	static char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *value = NULL;

	while (f && !value && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = strchr(line, ':');
	if (f)
		fclose(f);
	return value ? value + 1 : "";
}

/*
 * What cannot be told to Linux on this CPU. The lines are for the harness, which
 * shows what was not compared.
 */
static void allow_for_cpu(struct machine *m)
{
	bool intel = strstr(cpuinfo("vendor_id"), "GenuineIntel");

	m->dies = intel && __get_cpuid_max(0, NULL) >= CPUID_DIES;
	if (intel && !m->dies)
		printf("not as declared: this CPU has no leaf of dies, so that LLCs are none\n");
	m->llc_packages = !intel && atoi(cpuinfo("cpu family")) < 0x17;
	if (m->llc_packages && m->topo.llcs > m->topo.nodes)
		printf("not as declared: LLCs are packages of an AMD CPU before family 17h\n");
	m->shares_l1 = m->topo.threads_per_core == 1 ||
		       !strstr(cpuinfo("model name"), "QEMU TCG CPU");
	if (!m->shares_l1)
		printf("not as declared: QEMU gives threads L1 caches of their own\n");
}

static __attribute__((unused)) void expect_topology(struct kt_guest *kg, const char *text)
{
	static struct machine m;

	m = (struct machine){ .kg = kg };
	KT_G_ASSERT(kg, !kt_topology_parse(&m.topo, text, NULL));
	count_out(&m);
	allow_for_cpu(&m);
	check_lists(&m);
	for (unsigned int cpu = 0; cpu < m.cpu_count; cpu++)
		check_cpu(&m, cpu);
	for (unsigned int node = 0; node < m.topo.nodes + m.topo.memory_nodes; node++)
		check_node(&m, node);
}

#define TOPOLOGY(id, text)                                                                   \
	KT_GUEST_SCENARIO(topology_##id, "Linux sees " text, .topo = text, .memory = MEMORY) \
	{                                                                                    \
		expect_topology(kg, text);                                                   \
	}

TOPOLOGY(1n1l1c1t, "1n1l1c1t")
TOPOLOGY(1n1l2c1t, "1n1l2c1t")
TOPOLOGY(1n1l1c2t, "1n1l1c2t")
TOPOLOGY(1n2l2c1t, "1n2l2c1t")
TOPOLOGY(2n4l4c2t, "2n4l4c2t")
TOPOLOGY(1n3l3c1t, "1n3l3c1t")
TOPOLOGY(3n3l1c3t, "3n3l1c3t")
TOPOLOGY(uneven_in_a_node, "1n2l4,2c1t")
TOPOLOGY(uneven_first_is_smallest, "1n3l1,2,3c1t")
TOPOLOGY(uneven_nodes, "2n4l2,1,1,3c2t")
TOPOLOGY(memory_only, "1n1l2c1t1m")
TOPOLOGY(memory_only_nearer_to_one, "2n2l2c1t1m:20,30,17")
TOPOLOGY(distances_of_four, "4n4l1c1t:12,20,32,21,31,13")
TOPOLOGY(all_of_it, "2n4l3,1,2,2c1t2m:21,14,35,28,15,40")

/* Goes wrong on purpose: the machine is not the one that is looked for. */
KT_GUEST_SCENARIO(fault_other_topology, "Linux does not see what was not declared",
	.topo = "1n2l2c1t1m:17", .memory = MEMORY)
{
	expect_topology(kg, "2n2l1c2t:20");
	expect_topology(kg, "1n4l1c1t2m");
}
