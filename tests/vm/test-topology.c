/* SPDX-License-Identifier: GPL-2.0-only */
/* That Linux sees the topology asked for, and that deterministic runs are equal. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"

#define CONSOLE KT_VM_STREAM_CONSOLE
#define CONTROL KT_VM_STREAM_CONTROL

enum group { CORE, LLC, NODE };

static unsigned int group_of(const struct kt_topology *topo, unsigned int cpu, enum group group)
{
	struct kt_topology_place p = kt_topology_place(topo, cpu);

	return group == CORE ? p.core : group == LLC ? p.llc : p.node;
}

/* The CPUs that are in the same group, as Linux lists them. */
static void format_group(char *buf, const struct kt_topology *topo, unsigned int cpu,
			 enum group group)
{
	unsigned int first = cpu, last = cpu;

	while (first && group_of(topo, first - 1, group) == group_of(topo, cpu, group))
		first--;
	while (last + 1 < kt_topology_cpus(topo) &&
	       group_of(topo, last + 1, group) == group_of(topo, cpu, group))
		last++;
	sprintf(buf, first == last ? "%u" : "%u-%u", first, last);
}

static void check_topology(const char *notation, bool nested)
{
	struct kt_vm_spec spec = rig_spec("guest=topology");
	char line[256], threads[16], llc[16], package[32];
	_cleanup_(rig_deinit) struct rig rig;

	assert_int_equal(kt_topology_parse(&spec.topo, notation, NULL), 0);
	spec.nested = nested;
	rig_init(&rig, &spec);
	rig_start(&rig);
	rig_wait_end(&rig, KT_VM_END_POWEROFF);
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&spec.topo); cpu++) {
		format_group(threads, &spec.topo, cpu, CORE);
		format_group(llc, &spec.topo, cpu, LLC);
		format_group(package, &spec.topo, cpu, nested ? LLC : NODE);
		/* Under kvm the host's vendor decides whether an LLC is a package of its own. */
		snprintf(line, sizeof(line), "cpu %u node %u threads %s llc %s package %s", cpu,
			 group_of(&spec.topo, cpu, NODE), threads, llc,
			 rig_accel() == KT_ACCEL_KVM ? "" : strcat(package, "\r\n"));
		rig_wait_text(&rig, CONSOLE, line);
	}
	rig_wait_text(&rig, CONSOLE,
		      spec.topo.nodes > 1 ? "distance 10 20\r\n" : "distance 10\r\n");
}

TEST(test_topology)
{
	check_topology("1n1l1c1t", false);
	check_topology("1n2l2c2t", false);
	check_topology("2n4l2c2t", false);
	check_topology("2n2l3c1t", false);
}

TEST(test_topology_nested)
{
	rig_needs(KT_ACCEL_TCG);
	check_topology("2n4l1c2t", true);
	check_topology("1n3l2,3,1c1t", true);
}

/* Two at once, so that the host's timing differs as well. */
TEST(test_runs_in_counted_time_are_equal)
{
	struct kt_vm_spec spec = rig_spec("guest=marker");
	struct rig rigs[2];

	rig_needs(KT_ACCEL_TCG);
	spec.counted = true;
	for (int i = 0; i < 2; i++) {
		rig_init(&rigs[i], &spec);
		rig_start(&rigs[i]);
	}
	for (int i = 0; i < 2; i++)
		rig_wait_end(&rigs[i], KT_VM_END_POWEROFF);
	/* The marker carries the guest's time in nanoseconds. */
	assert_contains(kt_buf_str(&rigs[0].said[CONSOLE]), "guest marker at");
	assert_string_equal(kt_buf_str(&rigs[0].said[CONSOLE]), kt_buf_str(&rigs[1].said[CONSOLE]));
	for (int i = 0; i < 2; i++)
		rig_deinit(&rigs[i]);
}
