/* SPDX-License-Identifier: GPL-2.0-only */
/* Cpusets: a scheduler may run a task only where its cgroup lets it. */
#include <ktest.h>

/* No worker of that name was seen outside of these CPUs, and each did something. */
static void expect_within(struct kt_check *ck, const char *name, unsigned int first,
			  unsigned int last)
{
	unsigned int count = kt_check_workers(ck, name);
	char list[KT_CPU_LIST_MAX];

	KT_EXPECT_GT(ck, count, 0);
	for (unsigned int i = 0; i < count; i++) {
		struct kt_worker_report w;

		KT_ASSERT_OK(ck, kt_check_worker(ck, name, i, &w));
		KT_EXPECT_GT(ck, w.iterations, 0);
		for (unsigned int cpu = 0; cpu < KT_CPUS_MAX; cpu++)
			KT_EXPECT_MSG(ck,
				      !kt_cpu_mask_has(&w.cpus, cpu) || (cpu >= first && cpu <= last),
				      "worker '%s' %u was seen on CPUs %s, and may run on %u-%u", name, i,
				      kt_cpu_mask_format(&w.cpus, list), first, last);
	}
}

KT_HOST_CHECK(each_stays_in_its_half)
{
	expect_within(ck, "left", 0, 1);
	expect_within(ck, "right", 2, 3);
}

KT_SCENARIO(cpuset_halves_keep_workers_apart,
	"two groups of busy workers stay in the LLC that each has for itself",
	.topo      = KT_TOPO("1n2l2c1t"),
	.workers   = KT_WORKERS(
		KT_WORKERS_ITEM("left",  .workload = "spin", .count = 3, .cgroup = "left"),
		KT_WORKERS_ITEM("right", .workload = "bursty", .count = 3, .cgroup = "right")),
	.steps     = KT_STEPS(
		KT_STEP("apply", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("left"), KT_OP_CPUSET("left", KT_CPUS_LLC(0)),
			KT_OP_CGROUP_ADD("right"), KT_OP_CPUSET("right", KT_CPUS_LLC(1)),
			KT_OP_START("left"), KT_OP_START("right")), .hold = KT_MS(1000)),
		KT_STEP("stop", .ops = KT_OPS(KT_OP_STOP("left"), KT_OP_STOP("right")))),
	.check     = KT_CHECK(each_stays_in_its_half));
