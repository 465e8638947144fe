/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cpusets: a scheduler must run a task only on the CPUs of its cgroup. The built-in limit
 * `isolation` (scenario/limit.h) judges that.
 */
#include <ktest.h>

KT_SCENARIO(cpuset_halves_keep_workers_apart,
	"two groups of busy workers stay in the LLC that each has for itself",
	.topo      = KT_TOPO("1n2l2c1t"),
	.workers   = KT_WORKERS(
		KT_WORKERS_ITEM("left",  .workload = "spin", .count = 3, .cgroup = "left"),
		KT_WORKERS_ITEM("right", .workload = "bursty", .count = 3, .cgroup = "right")),
	.limits    = KT_LIMITS(.gap = KT_MS(500)),
	.steps     = KT_STEPS(
		KT_STEP("apply", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("left"), KT_OP_CPUSET("left", KT_CPUS_LLC(0)),
			KT_OP_CGROUP_ADD("right"), KT_OP_CPUSET("right", KT_CPUS_LLC(1)),
			KT_OP_START("left"), KT_OP_START("right")), .hold = KT_MS(1000)),
		KT_STEP("stop", .ops = KT_OPS(KT_OP_STOP("left"), KT_OP_STOP("right")))));
