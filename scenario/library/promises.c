/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Promises that every scheduler must keep, with limits far from what a good scheduler reaches.
 * Each hold is long enough to tell a broken limit from chance.
 */
#include <ktest.h>

/* With more busy tasks than CPUs, the CPU time of the tasks is the busy time of the CPUs. */
KT_HOST_CHECK(all_cpus_worked)
{
	unsigned int count = kt_check_workers(ck, "load"), online = 2, used;
	uint64_t cpu_ns = 0, life_ns = 0;
	struct kt_cpu_mask seen = { { 0 } };
	struct kt_worker_report w;
	double worked;

	KT_ASSERT_MSG(ck, count > 0, "no worker has ended");
	for (unsigned int i = 0; i < count; i++) {
		KT_ASSERT_OK(ck, kt_check_worker(ck, "load", i, &w));
		cpu_ns += w.cpu_ns;
		life_ns = w.end_ns - w.start_ns > life_ns ? w.end_ns - w.start_ns : life_ns;
		seen.words[0] |= w.cpus.words[0];
	}
	if (!life_ns) {
		kt_check_unclear(ck, __FILE__, __LINE__, "no worker came to its end");
		return;
	}
	used = kt_cpu_mask_count(&seen);
	worked = 100.0 * (double)cpu_ns / (double)(life_ns * online);
	for (unsigned int cpu = 0; cpu < online; cpu++)
		KT_EXPECT_MSG(ck, kt_cpu_mask_has(&seen, cpu) || worked * online < 80.0 * used,
			      "CPU %u ran no worker in %.3f s, and %u that other CPUs had no time "
			      "for wanted to run",
			      cpu, (double)life_ns / 1e9, count - used);
	KT_EXPECT_IN_TIME(ck, used < online || worked >= 80,
			  "CPUs worked for %.0f %% of the time that tasks wanted them, which is "
			  "less than 80 %%: they idled while tasks waited, or the scheduler used "
			  "them up",
			  worked);
	KT_EXPECT_IN_TIME(ck, used == online || worked * online >= 80.0 * used,
			  "CPUs worked for %.0f %% of the time that tasks wanted them, which is "
			  "less than 80 %%, and %u of %u did not at all",
			  worked, online - used, online);
}

#define LOAD(work, number, ...) \
	KT_WORKERS(KT_WORKERS_ITEM("load", .workload = work, .count = number, ##__VA_ARGS__))
#define RUN(time) KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("load")), .hold = (time)))

KT_SCENARIO(no_cpu_idles_while_tasks_wait, "CPUs that are wanted by more tasks than they are work",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = LOAD("spin", 6),
	.steps   = RUN(KT_SEC(3)),
	.check   = KT_CHECK(all_cpus_worked));

KT_SCENARIO(no_task_waits_for_long, "no task that wants to run is kept from it for a second",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = LOAD("spin", 6),
	.limits  = KT_LIMITS(.gap = KT_SEC(1)),
	.steps   = RUN(KT_SEC(3)));

KT_SCENARIO(woken_tasks_run_soon, "tasks that are woken in turn are let run within 250 ms",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = LOAD("timer", 16, .params = { KT_MS(10) }),
	.limits  = KT_LIMITS(.wake_p99 = KT_MS(250)),
	.steps   = RUN(KT_SEC(3)));

KT_SCENARIO(woken_tasks_come_back_to_their_cpu, "with CPUs to spare a task stays where it was",
	.topo    = KT_TOPO("1n2l2c1t"),
	.workers = LOAD("bursty", 2, .params = { KT_MS(1), KT_MS(4) }),
	.limits  = KT_LIMITS(.migrations = 50, .gap = KT_MS(500)),
	.steps   = RUN(KT_SEC(1)));

/* The holds before all have one weight are short: a quarter of the whole at most. */
KT_HOST_CHECK(reniced_alike)
{
	struct kt_worker_report w[3];
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned int i = 0; i < 3; i++) {
		KT_ASSERT_OK(ck, kt_check_worker(ck, (const char *[]){ "a", "b", "c" }[i], 0, &w[i]));
		least = w[i].cpu_ns < least ? w[i].cpu_ns : least;
		most = w[i].cpu_ns > most ? w[i].cpu_ns : most;
	}
	KT_EXPECT_MSG(ck, 5 * most < 7 * least,
		      "one of three tasks with nice -20 got %.1f s of CPU time, another %.1f s",
		      (double)most / 1e9, (double)least / 1e9);
}

#define RENICE(group) \
	KT_STEP("renice_" group, .ops = KT_OPS(KT_OP_NICE(group, -20)), .hold = KT_MS(200))

KT_SCENARIO(reniced_tasks_share_at_once, "tasks get their share as soon as their weights are the same",
	.topo    = KT_TOPO("1n1l1c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("a", .workload = "spin"), KT_WORKERS_ITEM("b", .workload = "spin"),
		KT_WORKERS_ITEM("c", .workload = "spin")),
	.steps   = KT_STEPS(
		KT_STEP("start", .ops = KT_OPS(KT_OP_START("a"), KT_OP_START("b"), KT_OP_START("c")),
			.hold = KT_MS(300)),
		RENICE("a"), RENICE("b"), RENICE("c"), KT_STEP("share", .hold = KT_SEC(3))),
	.check   = KT_CHECK(reniced_alike));

KT_SCENARIO(cpu_time_is_shared, "tasks that never rest get much the same time",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = LOAD("spin", 4),
	.limits  = KT_LIMITS(.spread = 40, .gap = KT_SEC(1)),
	.steps   = RUN(KT_SEC(2)));

/* The kernel ejects a scheduler that moves a task while its migration is disabled. */
KT_SCENARIO(migration_disabled_tasks_stay, "tasks that may not migrate for a while run where they are",
	.topo    = KT_TOPO("1n2l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("held", .workload = "bpf_run", .count = 6),
		KT_WORKERS_ITEM("load", .workload = "bursty", .count = 4)),
	.limits  = KT_LIMITS(.gap = KT_MS(600)),
	.steps   = KT_STEPS(KT_STEP("run", .ops = KT_OPS(KT_OP_START("held"), KT_OP_START("load")),
				    .hold = KT_MS(800))));

KT_SCENARIO(paused_tasks_come_back, "tasks that are stopped by a signal run soon when they are continued",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("paused", .workload = "spin", .count = 3),
		KT_WORKERS_ITEM("sleeps", .workload = "timer", .count = 2, .params = { KT_MS(5) }),
		KT_WORKERS_ITEM("load", .workload = "spin", .count = 2)),
	.limits  = KT_LIMITS(.gap = KT_MS(500)),
	.steps   = KT_STEPS(
		KT_STEP("run",   .ops = KT_OPS(KT_OP_START("paused"), KT_OP_START("sleeps"),
			KT_OP_START("load")), .hold = KT_MS(200)),
		KT_STEP("pause", .ops = KT_OPS(KT_OP_PAUSE("paused"), KT_OP_PAUSE("sleeps")),
			.hold = KT_MS(300)),
		KT_STEP("come",  .ops = KT_OPS(KT_OP_CONTINUE("paused"), KT_OP_CONTINUE("sleeps")),
			.hold = KT_MS(700))));
