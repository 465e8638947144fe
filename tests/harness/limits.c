/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits and patterns that are kept, and some that are not. */
#include <fcntl.h>
#include <unistd.h>

#include <ktest.h>

/* clang-format off */
KT_SCENARIO(limits_are_kept, "all limits at once, of work that is shared by weight on one CPU",
	.topo    = KT_TOPO("1n2l1c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("most", .workload = "spin", .count = 2, .cgroup = "a"),
		KT_WORKERS_ITEM("some", .workload = "spin", .count = 2, .cgroup = "b"),
		KT_WORKERS_ITEM("woken", .workload = "timer", .params = { KT_MS(5) },
				.limits = KT_LIMITS(.wake_p99 = KT_MS(500), .fairness = KT_OFF,
						    .spread = KT_OFF, .locality = KT_OFF))),
	.limits  = KT_LIMITS(.spread = 40, .variation = 40, .work_rate = 10, .migrations = 10,
			     .locality = 99, .fairness = 30),
	.steps   = KT_STEPS(KT_STEP("share", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("1")), KT_OP_WEIGHT("a", 300),
		KT_OP_CGROUP_ADD("b"), KT_OP_CPUSET("b", KT_CPUS_LIST("1")),
		KT_OP_START("most"), KT_OP_START("some"), KT_OP_START("woken")),
		.hold = KT_MS(2000))));

KT_SCENARIO(limit_of_fairness_is_broken, "two cgroups of one weight, one of which may use little",
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("most", .workload = "spin", .cgroup = "a"),
		KT_WORKERS_ITEM("some", .workload = "spin", .cgroup = "b")),
	.limits  = KT_LIMITS(.fairness = 50),
	.steps   = KT_STEPS(KT_STEP("share", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("b"),
		KT_OP_CPU_MAX("b", KT_MS(10), KT_MS(100)),
		KT_OP_START("most"), KT_OP_START("some")), .hold = KT_MS(1000))));
/* clang-format on */

KT_WORKLOAD(escape, "leaves the cgroup that it began in")
{
	int fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	close(fd);
	while (kt_worker_iterate(w))
		;
}

/* clang-format off */
KT_SCENARIO(limit_of_isolation_is_broken, "a worker leaves the cgroup that keeps it to one CPU",
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("load", .workload = "escape", .count = 4, .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("0")), KT_OP_START("load")),
		.hold = KT_MS(300))));
/* clang-format on */

KT_HOST_CHECK(patterns_hold)
{
	struct kt_series enqueued, dispatched, held;

	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &dispatched));
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_enqueued", &enqueued));
	held = kt_series_of_step(&dispatched, 1);
	KT_EXPECT_GT(ck, held.count, 2);
	KT_EXPECT_LT(ck, held.count, dispatched.count);
	KT_EXPECT_NONDECREASING(ck, &dispatched);
	KT_EXPECT_INCREASING(ck, &held);
	KT_EXPECT_RATE(ck, &held, 1, 1e7);
	KT_EXPECT_ALWAYS(ck, &held, 1, UINT64_MAX);
	KT_EXPECT_RATIO(ck, &dispatched, &enqueued, 0.5, 1);
	KT_EXPECT_CONVERGES(ck, &held, held.points[held.count - 1].value, 90, KT_MS(1));
	KT_EXPECT_STEADY(ck, &held, 100);
}

KT_HOST_CHECK(patterns_are_broken)
{
	struct kt_series s;

	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &s));
	s = kt_series_of_step(&s, 1);
	KT_EXPECT_RATE(ck, &s, -2, -1);
	KT_EXPECT_STEADY(ck, &s, 0.001);
	KT_EXPECT_ALWAYS(ck, &s, 0, 1);
}

KT_HOST_CHECK(patterns_cannot_be_told)
{
	struct kt_series enqueued, dispatched;

	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_dispatched", &dispatched));
	KT_ASSERT_OK(ck, kt_bpf_series(ck, 1, "nr_enqueued", &enqueued));
	KT_EXPECT_RATIO(ck, &enqueued, &dispatched, 0, 1e9);
}

/* clang-format off */
#define PATTERNS(id, summary, fn, ...)                                                        \
	KT_SCENARIO(id, summary,                                                              \
		    .sched = KT_SCHED("primary", .binary = "scx_ktest", ##__VA_ARGS__),       \
		    .workers = KT_WORKERS(                                                    \
			    KT_WORKERS_ITEM("load", .workload = "bursty", .count = 4)),       \
		    .snapshots = 8,                                                           \
		    .steps = KT_STEPS(                                                        \
			    KT_STEP("settle", .ops = KT_OPS(KT_OP_START("load")),             \
				    .hold = KT_MS(300)),                                      \
			    KT_STEP("hold", .hold = KT_MS(700))),                             \
		    .check = KT_CHECK(fn))

PATTERNS(series_are_as_they_must_be, "counters of a scheduler over time", patterns_hold);
PATTERNS(series_are_not, "asks of counters what they cannot be", patterns_are_broken);
PATTERNS(series_cannot_be_told, "divides by what stays 0", patterns_cannot_be_told,
	 .args = KT_ARGS("--bypass"));
/* clang-format on */

/* ---- what it costs to be seen ---- */

KT_WORKLOAD(nothing, "is seen, and does nothing else")
{
	while (kt_worker_iterate(w))
		;
}

/* On one CPU in turn, so that what disturbs one disturbs the other. Read by ./dev bench, too. */
KT_HOST_CHECK(to_be_seen_costs_little)
{
	struct kt_worker_report nothing, work;
	double cost;

	KT_ASSERT_OK(ck, kt_check_worker(ck, "nothing", 0, &nothing));
	KT_ASSERT_OK(ck, kt_check_worker(ck, "work", 0, &work));
	cost = ((double)nothing.cpu_ns / (double)nothing.iterations) /
	       ((double)work.cpu_ns / (double)work.iterations);
	KT_EXPECT_IN_TIME(ck, cost < 0.01, "to be seen after a piece of work costs %.2f %% of it",
			  100 * cost);
}

/* clang-format off */
KT_SCENARIO(accounting_costs_little, "what a worker is seen to do costs less than 1 % of its time",
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("nothing", .workload = "nothing", .cgroup = "a"),
		KT_WORKERS_ITEM("work", .workload = "spin", .cgroup = "a")),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_LIST("1")),
		KT_OP_START("nothing"), KT_OP_START("work")), .hold = KT_SEC(1))),
	.check   = KT_CHECK(to_be_seen_costs_little));
/* clang-format on */

KT_HOST_CHECK(values_are_those_of_their_cpu)
{
	uint64_t sum, here, elsewhere;

	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "cpu_stats[0].nr_dispatched", &sum));
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "cpu_stats[0]@cpu0.nr_dispatched", &elsewhere));
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "cpu_stats[0]@cpu2.nr_dispatched", &here));
	KT_EXPECT_GT(ck, here, 2 * elsewhere);
	KT_EXPECT_GE(ck, sum, here + elsewhere);
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "cpu_stats[0]@cpu1.nr_dispatched", &elsewhere));
	KT_EXPECT_GE(ck, sum - here, elsewhere);
	KT_ASSERT_OK(ck, kt_bpf_u64(ck, 1, "cpu_stats[0]@cpu4.nr_dispatched", &sum));
}

/* clang-format off */
KT_SCENARIO(twin_values_of_each_cpu, "reads what is dispatched on the CPU of the load, and on one that there is not",
	.topo    = KT_TOPO("1n2l2c1t"),
	.sched   = KT_SCHED("primary", .binary = "scx_ktest"),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("load", .workload = "yield", .count = 2)),
	.snapshots = 1,
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(
		KT_OP_START("load"), KT_OP_AFFINITY("load", KT_CPUS_LIST("2")),
		KT_OP_CPU_OFFLINE(1)), .hold = KT_MS(500))),
	.check   = KT_CHECK(values_are_those_of_their_cpu));
/* clang-format on */
