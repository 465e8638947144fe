/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes under load: of cpusets, cgroups, limits, classes, CPUs and schedulers. Workers "stays"
 * run from the first step to the last and must not starve. Workers "after" start after the change
 * and must run only on CPUs that it allows. The built-in limits (scenario/limit.h) judge both,
 * with gaps that their holds can break (tests/unit/test-library.c).
 */
#include <sched.h>

#include <ktest.h>

#define TOPO	    KT_TOPO("1n2l2c1t") /* LLC 0 has CPUs 0 and 1 */
#define HOLD	    KT_MS(400)

/* Gaps that these holds can break. Without a fault there are gaps of 20 to 270 ms. */
#define GAP(ms) .limits = KT_LIMITS(.gap = KT_MS(ms))

#define STAYS(group) \
	KT_WORKERS_ITEM("stays", .workload = "spin", .count = 4, .cgroup = group, GAP(500))
#define LATER(group, gap) \
	KT_WORKERS_ITEM("after", .workload = "bursty", .count = 4, .cgroup = group, GAP(gap))
#define AFTER(group) LATER(group, 300)
#define LOADED(group) \
	KT_STEP("load", .ops = KT_OPS(KT_OP_CGROUP_ADD(group), KT_OP_START("stays")), .hold = HOLD)

KT_SCENARIO(cpuset_is_applied_under_load, "busy tasks are confined to one LLC",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a"), AFTER("a")),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("apply", .ops = KT_OPS(
			KT_OP_CPUSET("a", KT_CPUS_LLC(0)), KT_OP_START("after")), .hold = HOLD)));

KT_SCENARIO(cpuset_is_cleared_under_load, "confined tasks get the whole machine back",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a")),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_CGROUP_ADD("a"),
			KT_OP_CPUSET("a", KT_CPUS_LIST("3")), KT_OP_START("stays")), .hold = HOLD),
		KT_STEP("clear", .ops = KT_OPS(KT_OP_CPUSET_CLEAR("a")), .hold = HOLD)));

KT_SCENARIO(cpuset_is_resized_under_load, "a set of CPUs shrinks to one and grows again",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a"), AFTER("a")),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("shrink", .ops = KT_OPS(KT_OP_CPUSET("a", KT_CPUS_LIST("1"))), .hold = HOLD),
		KT_STEP("grow",   .ops = KT_OPS(
			KT_OP_CPUSET("a", KT_CPUS_PERCENT(50)), KT_OP_START("after")), .hold = HOLD)));

KT_SCENARIO(cpusets_are_swapped_under_load, "two groups of tasks change places",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a"), AFTER("a")),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("part", .ops = KT_OPS(KT_OP_CGROUP_ADD("b"),
			KT_OP_CPUSET("a", KT_CPUS_PART(1, 2)), KT_OP_CPUSET("b", KT_CPUS_PART(0, 2))),
			.hold = HOLD),
		KT_STEP("swap", .ops = KT_OPS(
			KT_OP_CPUSET_SWAP("a", "b"), KT_OP_START("after")), .hold = HOLD)));

KT_SCENARIO(cpusets_overlap, "two groups of tasks have some CPUs in common",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a"), AFTER("b")),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("b"),
			KT_OP_CPUSET("a", KT_CPUS_OVERLAP(0, 2)), KT_OP_CPUSET("b", KT_CPUS_PART(0, 2)),
			KT_OP_START("stays"), KT_OP_START("after")), .hold = KT_MS(800))));

KT_SCENARIO(nested_cgroups_under_load, "tasks move down a tree of cgroups whose sets get smaller",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a/b/c"), AFTER("a/b/c")),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/b"),
			KT_OP_CGROUP_ADD("a/b/c"), KT_OP_START("stays")), .hold = HOLD),
		KT_STEP("narrow", .ops = KT_OPS(
			KT_OP_CPUSET("a", KT_CPUS_LIST("0-2")), KT_OP_CPUSET("a/b", KT_CPUS_LIST("0-1,3")),
			KT_OP_WEIGHT("a/b", 400), KT_OP_START("after")), .hold = HOLD)));

KT_SCENARIO(cgroups_come_and_go_under_load, "cgroups are made and removed while tasks run",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a")),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("churn", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("b"), KT_OP_MOVE("stays", "b"), KT_OP_CGROUP_REMOVE("a"),
			KT_OP_CGROUP_ADD("a"), KT_OP_MOVE("stays", "a"), KT_OP_CGROUP_REMOVE("b")),
			.hold = KT_MS(600), .every = KT_MS(100))));

KT_SCENARIO(cgroup_is_frozen_under_load, "tasks stand still for 200 ms while others run",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a"), LATER("b", 600)),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_CGROUP_ADD("b"), KT_OP_CGROUP_ADD("a"),
			KT_OP_CPUSET("b", KT_CPUS_LLC(0)), KT_OP_START("stays"), KT_OP_START("after")),
			.hold = HOLD),
		KT_STEP("freeze", .ops = KT_OPS(KT_OP_CGROUP_FREEZE("b")), .hold = KT_MS(200)),
		KT_STEP("thaw",   .ops = KT_OPS(KT_OP_CGROUP_THAW("b")), .hold = HOLD)));

KT_SCENARIO(limits_change_under_load, "a limit and a weight come and go while tasks run",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a")),
	/* Few schedulers and kernels keep sched_ext tasks to cpu.max; here the change counts. */
	.limits  = KT_LIMITS(.bandwidth = KT_OFF),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("limit", .ops = KT_OPS(
			KT_OP_CPU_MAX("a", KT_MS(50), KT_MS(50)), KT_OP_WEIGHT("a", 10)), .hold = HOLD),
		KT_STEP("free",  .ops = KT_OPS(
			KT_OP_CPU_MAX("a", 0, KT_MS(100)), KT_OP_WEIGHT("a", 10000)), .hold = HOLD)));

KT_SCENARIO(affinity_changes_under_load, "tasks are pinned elsewhere, together, again and again",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS("a")),
	.steps   = KT_STEPS(LOADED("a"),
		KT_STEP("pin", .ops = KT_OPS(
			KT_OP_AFFINITY("stays", KT_CPUS_LIST("0")), KT_OP_AFFINITY("stays", KT_CPUS_LLC(1)),
			KT_OP_AFFINITY("stays", KT_CPUS_ALL())), .hold = KT_MS(600), .every = KT_MS(100))));

KT_SCENARIO(classes_are_mixed, "normal, batch and idle tasks beside real-time ones that rest",
	.topo    = TOPO,
	.workers = KT_WORKERS(STAYS(NULL),
		KT_WORKERS_ITEM("batch", .workload = "spin", .count = 2, GAP(640)),
		KT_WORKERS_ITEM("rt", .workload = "bursty", .count = 2, .params = { KT_MS(1), KT_MS(9) },
				GAP(500))),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_START("stays"), KT_OP_START("batch"),
			KT_OP_POLICY("batch", SCHED_BATCH, 0), KT_OP_NICE("batch", 10),
			KT_OP_START("rt"), KT_OP_POLICY("rt", SCHED_FIFO, 10)), .hold = KT_MS(800))));

KT_SCENARIO(cpus_come_and_go_under_load, "CPUs are taken offline and brought back",
	.topo    = TOPO, .workers = KT_WORKERS(STAYS(NULL)),
	.steps   = KT_STEPS(
		KT_STEP("load", .ops = KT_OPS(KT_OP_START("stays")), .hold = HOLD),
		KT_STEP("less", .ops = KT_OPS(KT_OP_CPU_OFFLINE(3), KT_OP_CPU_OFFLINE(1)), .hold = HOLD),
		KT_STEP("more", .ops = KT_OPS(KT_OP_CPU_ONLINE(1), KT_OP_CPU_ONLINE(3)), .hold = HOLD)));

/* ---- schedulers ---- */

#define LIFE(id, summary, op)                                                                 \
	KT_SCENARIO(id, summary, .topo = TOPO,                                                \
		    .sched = KT_SCHED("primary", .binary = "scx_ktest"),                      \
		    .staged = KT_SCHED("alt", .binary = "scx_ktest"),                         \
		    .workers = KT_WORKERS(STAYS(NULL)),                                       \
		    .steps = KT_STEPS(                                                        \
			    KT_STEP("load", .ops = KT_OPS(KT_OP_START("stays")), .hold = HOLD), \
			    KT_STEP("change", .ops = KT_OPS(op), .hold = HOLD)))

LIFE(scheduler_is_replaced_under_load, "another scheduler takes over busy tasks", KT_OP_REPLACE("alt"));
LIFE(scheduler_is_restarted_under_load, "busy tasks are handed over and back", KT_OP_RESTART());
LIFE(scheduler_is_detached_under_load, "the kernel takes over busy tasks", KT_OP_DETACH());
LIFE(scheduler_is_forced_off_under_load, "SysRq hands busy tasks to the kernel", KT_OP_DETACH_FORCED());
LIFE(scheduler_is_killed_under_load, "a scheduler that is killed leaves busy tasks behind", KT_OP_KILL());
