/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads under which the faults of schedulers in use show; field_cases.py has the verdicts. */
#include <sched.h>

#include <ktest.h>

/* clang-format off */
/* Both workers are on CPU 1 when one of them becomes a real-time task; further ops come before. */
#define RT_BESIDE_NORMAL(id, summary, ...)                                                        \
	KT_SCENARIO(id, summary, .topo = KT_TOPO("1n1l2c1t"),                                     \
		.workers = KT_WORKERS(KT_WORKERS_ITEM("rt", .workload = "spin"),                  \
				      KT_WORKERS_ITEM("normal", .workload = "spin")),             \
		.steps = KT_STEPS(KT_STEP("run", .ops = KT_OPS(                                   \
			KT_OP_START("rt"), KT_OP_AFFINITY("rt", KT_CPUS_LIST("1")),               \
			KT_OP_START("normal"), KT_OP_AFFINITY("normal", KT_CPUS_LIST("1")),       \
			##__VA_ARGS__, KT_OP_POLICY("rt", SCHED_FIFO, 50)), .hold = KT_MS(8000))))

RT_BESIDE_NORMAL(field_rt_holds_a_cpu, "a real-time worker and a normal one on CPU 1");
RT_BESIDE_NORMAL(field_rt_holds_one_of_two_cpus,
		 "as field_rt_holds_a_cpu; the other may run anywhere",
		 KT_OP_AFFINITY("normal", KT_CPUS_ALL()));

KT_SCENARIO(field_weights_far_apart, "three workers of nice -20 and one of nice 19, on one CPU",
	.topo    = KT_TOPO("1n1l1c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("heavy", .workload = "spin", .count = 3),
			      KT_WORKERS_ITEM("light", .workload = "spin")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("heavy"), KT_OP_START("light"),
		KT_OP_NICE("heavy", -20), KT_OP_NICE("light", 19)), .hold = KT_MS(8000))));

KT_SCENARIO(field_weights_apart, "a worker of nice -10 and one of nice 10, on one CPU",
	.topo    = KT_TOPO("1n1l1c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("heavy", .workload = "spin", .nice = -10),
			      KT_WORKERS_ITEM("light", .workload = "spin", .nice = 10)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("heavy"), KT_OP_START("light")), .hold = KT_MS(8000))));

KT_SCENARIO(field_throttled, "four workers of which a cgroup allows 1 ms of CPU time per second",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("load", .workload = "spin", .count = 4, .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPU_MAX("a", KT_MS(1), KT_MS(1000)),
		KT_OP_START("load")), .hold = KT_MS(8000))));

KT_SCENARIO(field_spin, "two workers that never rest on two CPUs",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(3000))));

KT_SCENARIO(field_spin_for_long, "as field_spin, for longer than FIELD_HOLD_NS",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(12000))));

KT_SCENARIO(field_cpu_goes, "a CPU goes offline under workers that never rest",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.steps   = KT_STEPS(
		KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(200)),
		KT_STEP("offline", .ops = KT_OPS(KT_OP_CPU_OFFLINE(1)), .hold = KT_MS(200)),
		KT_STEP("online", .ops = KT_OPS(KT_OP_CPU_ONLINE(1)), .hold = KT_MS(200))));

KT_SCENARIO(field_forks, "workers that fork children and wait for their end",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "fork_exit", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = KT_MS(5000))));

KT_SCENARIO(field_yields, "workers that yield on three of four CPUs",
	.topo    = KT_TOPO("1n1l4c1t"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("on0", .workload = "yield", .count = 4),
			      KT_WORKERS_ITEM("on1", .workload = "yield", .count = 4),
			      KT_WORKERS_ITEM("on2", .workload = "yield", .count = 4)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("on0"), KT_OP_AFFINITY("on0", KT_CPUS_LIST("0")),
		KT_OP_START("on1"), KT_OP_AFFINITY("on1", KT_CPUS_LIST("1")),
		KT_OP_START("on2"), KT_OP_AFFINITY("on2", KT_CPUS_LIST("2"))), .hold = KT_MS(5000))));
/* clang-format on */
