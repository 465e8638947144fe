/* SPDX-License-Identifier: GPL-2.0-only */
/* That Linux sees the topology asked for, and that deterministic runs are equal. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "tests/vm/rig.h"

#define CONSOLE KT_VM_STREAM_CONSOLE
#define CONTROL KT_VM_STREAM_CONTROL

static void format_range(char *buf, unsigned int cpu, unsigned int cpus)
{
	unsigned int first = cpu / cpus * cpus;

	if (cpus == 1)
		sprintf(buf, "%u", first);
	else
		sprintf(buf, "%u-%u", first, first + cpus - 1);
}

static void check_topology(const char *notation, bool nested)
{
	struct kt_vm_spec spec = rig_spec("guest=topology");
	char line[256], threads[16], llc[16], package[32];
	unsigned int per_llc, per_node;
	struct rig rig;

	assert_int_equal(kt_topology_parse(&spec.topo, notation, NULL), 0);
	spec.nested = nested;
	rig_init(&rig, &spec);
	rig_start(&rig);
	rig_wait_end(&rig, KT_VM_END_POWEROFF);
	per_llc = spec.topo.cores_per_llc * spec.topo.threads_per_core;
	per_node = per_llc * spec.topo.llcs / spec.topo.nodes;
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&spec.topo); cpu++) {
		format_range(threads, cpu, spec.topo.threads_per_core);
		format_range(llc, cpu, per_llc);
		format_range(package, cpu, nested ? per_llc : per_node);
		/* Under kvm the host's vendor decides whether an LLC is a package of its own. */
		snprintf(line, sizeof(line), "cpu %u node %u threads %s llc %s package %s", cpu,
			 cpu / per_node, threads, llc,
			 rig_accel() == KT_ACCEL_KVM ? "" : strcat(package, "\r\n"));
		rig_wait_text(&rig, CONSOLE, line);
	}
	rig_wait_text(&rig, CONSOLE,
		      spec.topo.nodes > 1 ? "distance 10 20\r\n" : "distance 10\r\n");
	rig_deinit(&rig);
}

static void test_topology(void **state)
{
	check_topology("1n1l1c1t", false);
	check_topology("1n2l2c2t", false);
	check_topology("2n4l2c2t", false);
	check_topology("2n2l3c1t", false);
}

static void test_topology_nested(void **state)
{
	rig_needs(KT_ACCEL_TCG);
	check_topology("2n4l1c2t", true);
}

/* Two at once, so that the host's timing differs as well. */
static void test_deterministic_runs_are_equal(void **state)
{
	struct kt_vm_spec spec = rig_spec("guest=marker");
	struct rig rigs[2];

	rig_needs(KT_ACCEL_TCG);
	spec.deterministic = true;
	for (int i = 0; i < 2; i++) {
		rig_init(&rigs[i], &spec);
		rig_start(&rigs[i]);
	}
	for (int i = 0; i < 2; i++)
		rig_wait_end(&rigs[i], KT_VM_END_POWEROFF);
	/* The marker carries the guest's time in nanoseconds. */
	assert_non_null(strstr(kt_buf_str(&rigs[0].said[CONSOLE]), "guest marker at"));
	assert_string_equal(kt_buf_str(&rigs[0].said[CONSOLE]), kt_buf_str(&rigs[1].said[CONSOLE]));
	for (int i = 0; i < 2; i++)
		rig_deinit(&rigs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_topology_nested),
		cmocka_unit_test(test_deterministic_runs_are_equal),
	};

	return rig_main(tests, KT_ARRAY_SIZE(tests), NULL, NULL);
}
