/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of workers: notation, allowed CPUs, and each judgement. */
#include <string.h>

#include "judge/worker-limits.h"
#include "runner/run.h"
#include "judge/verdict.h"
#include "scenario/allowed.h"
#include "tests/unit/test.h"

#define MS(n) ((uint64_t)(n)*1000000)

/* ---- notation ---- */

TEST(test_notation)
{
	static const char *const wrong[] = { "gap",	  "gap=",
					     "gap=5",	  "gap=0ms",
					     "gap=on",	  "gap=-1s",
					     "spread=1s", "starved=1",
					     "gap=5min",  "work_rate=",
					     "gaps=1s",	  "=1",
					     "spread=%",  "gap=99999999999999999s",
					     "" };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_limits l = { 0 };
	char text[KT_LIMIT_TEXT_MAX];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (kt_limits_parse(&l, wrong[i], &diag) != KT_LIMITS_E_FORM)
			fail_msg("'%s' was taken", wrong[i]);
	assert_int_equal(kt_limits_parse(&l, "gap=500us", &diag), 0);
	assert_int_equal(kt_limits_parse(&l, "spread=20%", &diag), 0);
	assert_int_equal(kt_limits_parse(&l, "starved=off", &diag), 0);
	assert_int_equal(kt_limits_parse(&l, "isolation=on", &diag), 0);
	assert_int_equal(kt_limits_parse(&l, "work_rate=100", &diag), 0);
	assert_int_equal(l.gap, 500000);
	assert_int_equal(l.spread, 20);
	assert_true(l.starved == KT_OFF);
	assert_int_equal(l.work_rate, 100);
	assert_string_equal(kt_limit_format(&l, KT_LIMIT_GAP, text), "gap=500us");
	assert_string_equal(kt_limit_format(&l, KT_LIMIT_STARVED, text), "starved=off");
	assert_string_equal(kt_limit_format(&l, KT_LIMIT_ISOLATION, text), "isolation=on");
	assert_string_equal(kt_limit_format(&l, KT_LIMIT_SPREAD, text), "spread=20%");
	assert_null(kt_limit_format(&l, KT_LIMIT_FAIRNESS, text));
	assert_int_equal(kt_limits_check(&l, &diag), 0);
	l.starved = 2;
	assert_int_equal(kt_limits_check(&l, &diag), KT_LIMITS_E_FORM);
}

/* ---- allowed CPUs ---- */

static const struct kt_workers anywhere[] = {
	KT_WORKERS_ITEM("w", .workload = "x", .cgroup = "a/b"), { 0 }
};
static const struct kt_workers *group = anywhere;

static void expect_allowed(const struct kt_step *steps, const char *wanted)
{
	struct kt_scenario s = { .name = "s", .workers = group, .steps = steps };
	char list[KT_CPU_LIST_MAX];
	struct kt_topology topo;
	struct kt_cpu_mask mask;

	assert_int_equal(kt_topology_parse(&topo, "1n2l2c1t", NULL), 0);
	mask = kt_scenario_allowed(&s, s.workers, &topo);
	assert_string_equal(kt_cpu_mask_format(&mask, list), wanted);
	/* A body may change the affinity of its workers, so all CPUs are allowed. */
	s.has_body = true;
	mask = kt_scenario_allowed(&s, s.workers, &topo);
	assert_string_equal(kt_cpu_mask_format(&mask, list), "0-3");
}

#define GROUPS	 KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/b"), KT_OP_CGROUP_ADD("c")
#define ONE(...) KT_STEPS(KT_STEP("one", .ops = KT_OPS(GROUPS, __VA_ARGS__)))

TEST(test_allowed)
{
	const struct kt_op start = KT_OP_START("w");

	expect_allowed(ONE(start), "0-3");
	/* Limited by the cpuset of the cgroup, of its parents, and of both. */
	expect_allowed(ONE(KT_OP_CPUSET("a/b", KT_CPUS_LLC(1)), start), "2-3");
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LLC(1)), start), "2-3");
	expect_allowed(ONE(KT_OP_CPUSET("a/b", KT_CPUS_LIST("1-2")),
			   KT_OP_CPUSET("a", KT_CPUS_LLC(1)), start),
		       "2");
	/* A cpuset disjoint from its parent's is that of the parent. */
	expect_allowed(
		ONE(KT_OP_CPUSET("a/b", KT_CPUS_LLC(0)), KT_OP_CPUSET("a", KT_CPUS_LLC(1)), start),
		"2-3");
	/* Cpusets of other cgroups, also with a similar name, have no effect. */
	expect_allowed(ONE(KT_OP_CPUSET("c", KT_CPUS_LLC(1)), start), "0-3");
	expect_allowed(ONE(KT_OP_CGROUP_ADD("a/bb"), KT_OP_CPUSET("a/bb", KT_CPUS_LLC(1)), start),
		       "0-3");
	/* The union of all cpusets since the start of the workers. */
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LIST("0")), start,
			   KT_OP_CPUSET("a", KT_CPUS_LIST("3"))),
		       "0,3");
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LIST("0")), start, KT_OP_STOP("w"),
			   KT_OP_CPUSET("a", KT_CPUS_LIST("3"))),
		       "0");
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LIST("0")), start, KT_OP_CPUSET_CLEAR("a")),
		       "0-3");
	/* An op that is expected to fail has no effect. */
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LIST("0"), .expect = KT_OP_NO_CPU), start),
		       "0-3");
}

TEST(test_allowed_by_other_ops)
{
	const struct kt_op start = KT_OP_START("w");
	const struct kt_op two = KT_OP_CPUSET("a", KT_CPUS_LIST("1-2"));

	expect_allowed(
		ONE(two, KT_OP_CPUSET("c", KT_CPUS_LIST("3")), KT_OP_CPUSET_SWAP("a", "c"), start),
		"3");
	expect_allowed(ONE(two, KT_OP_CPUSET_SWAP("a", "c"), start), "0-3");
	expect_allowed(ONE(two, KT_OP_CPUSET("c", KT_CPUS_LIST("3")), start, KT_OP_MOVE("w", "c")),
		       "1-3");
	/* Before an op pins them, workers have their declared CPUs. */
	expect_allowed(ONE(two, start, KT_OP_AFFINITY("w", KT_CPUS_LIST("2"))), "1-2");
	expect_allowed(KT_STEPS(KT_STEP("one", .ops = KT_OPS(GROUPS, two, start)),
				KT_STEP("two", .ops = KT_OPS(KT_OP_CPUSET_SWAP("a", "c")),
					.hold = MS(300), .every = MS(100))),
		       "0-3");
	/* Without a CPU in common, workers get the CPUs of the parent. */
	expect_allowed(
		ONE(KT_OP_CPUSET("a/b", KT_CPUS_LIST("1")), two, KT_OP_CPU_OFFLINE(1), start), "2");
	expect_allowed(ONE(two, KT_OP_CPU_OFFLINE(1), KT_OP_CPU_ONLINE(1), start), "1-2");
	/* A child without the controller has the CPUs of its parent, and no cpuset ever after. */
	expect_allowed(ONE(two, KT_OP_CPUSET("a/b", KT_CPUS_LIST("1")),
			   KT_OP_SUBTREE_CONTROL("a", "+cpu -cpuset"), start),
		       "1-2");
	expect_allowed(ONE(two, KT_OP_CPUSET("a/b", KT_CPUS_LIST("1")),
			   KT_OP_SUBTREE_CONTROL("a", "-cpu +cpuset"), start),
		       "1");
}

TEST(test_allowed_at_the_start)
{
	const struct kt_workers workers[] = { KT_WORKERS_ITEM("w", .workload = "x", .cgroup = "a/b",
							      .cpus = KT_CPUS_LLC(1)),
					      { 0 } };
	const struct kt_workers *const before = group;

	group = workers;
	expect_allowed(ONE(KT_OP_START("w")), "2-3");
	expect_allowed(ONE(KT_OP_CPUSET("a", KT_CPUS_LIST("0,3")), KT_OP_START("w")), "3");
	expect_allowed(ONE(KT_OP_START("w"), KT_OP_AFFINITY("w", KT_CPUS_LIST("0"))), "0,2-3");
	group = before;
}

/* ---- judgement ---- */

static struct kt_run_result res;
static uint32_t seen[KT_CPUS_MAX];
static struct kt_histogram wakes;
static struct kt_scenario scenario;

/* clang-format off */
KT_SCENARIO(judged, "what the runs are judged by",
	.topo = KT_TOPO("1n2l1c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("w", .workload = "x", .count = 2, .cgroup = "a/x"),
		KT_WORKERS_ITEM("v", .workload = "x", .cgroup = "b")),
	.steps = KT_STEPS(
		KT_STEP("one", .ops = KT_OPS(
			KT_OP_CGROUP_ADD("a"), KT_OP_CGROUP_ADD("a/x"), KT_OP_CGROUP_ADD("b"),
			KT_OP_WEIGHT("a", 300), KT_OP_START("w")))));
/* clang-format on */

static void setup(void)
{
	memset(&res, 0, sizeof(res));
	memset(seen, 0, sizeof(seen));
	memset(&wakes, 0, sizeof(wakes));
	scenario = kt_scenario_judged;
	res.outcome = KT_OUTCOME_COMPLETED;
	seen[0] = 10;
	assert_int_equal(kt_run_record_init(&res.record), 0);
	res.record.steps[0].start_ns = MS(1000);
}

static void teardown(void)
{
	kt_run_record_deinit(&res.record);
}

AROUND_EACH(setup, teardown);

/* A worker within all limits; callers change single measures. */
static struct kt_msg_worker *add(const char *name, uint32_t index)
{
	uint8_t bytes[4 * KT_HISTOGRAM_BUCKETS];
	struct kt_msg m = { .type = KT_MSG_WORKER,
			    .worker = { .index = index,
					.iterations = 1000,
					.cpu_ns = MS(10000),
					.runs = 100,
					.longest_gap_ns = MS(10),
					.gap_end_ns = MS(2500),
					.start_ns = MS(1100),
					.end_ns = MS(11100) } };

	strcpy(m.worker.name, name);
	m.worker.seen = (struct kt_bytes){ (const uint8_t *)seen, sizeof(seen) };
	m.worker.wakes = (struct kt_bytes){ bytes, (uint32_t)kt_histogram_write(&wakes, bytes) };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	return &res.record.workers[res.record.worker_count - 1].msg;
}

static void judge(const struct kt_limits *user)
{
	const struct kt_cell_wishes wishes = { .has_seed = true,
					       .limits = user ? *user : (struct kt_limits){ 0 } };
	static struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, &scenario, &wishes, NULL), 0);
	res.cell = &cell;
	assert_int_equal(kt_limits_judge(&res.record, &cell), 0);
}

static void expect_kept(const struct kt_limits *user)
{
	judge(user);
	if (res.record.finding_count)
		fail_msg("%s", res.record.findings[0].text);
}

static void expect_finding(const struct kt_limits *user, enum kt_finding_kind kind,
			   const char *word)
{
	judge(user);
	assert_int_equal(res.record.finding_count, 1);
	assert_contains(res.record.findings[0].text, word);
	assert_int_equal(res.record.findings[0].kind, kind);
	assert_string_equal(res.record.findings[0].file, "test-limit.c");
	res.record.finding_count = 0;
}

TEST(test_starved)
{
	struct kt_msg_worker *w;

	add("w", 0);
	/* Of two workers that compete for the same work, one may never get any. */
	w = add("w", 1);
	w->iterations = 0;
	expect_kept(NULL);
	w->runs = 1;
	expect_finding(NULL, KT_FINDING_WRONG,
		       "starved: worker 'w' 1 of 2 was let go and never got a CPU");
	w->runs = 9;
	w->start_ns = 0;
	expect_finding(NULL, KT_FINDING_WRONG, "starved: worker 'w' 1 of 2");
	res.record.workers[0].msg.runs = res.record.workers[0].msg.iterations = 0;
	expect_finding(NULL, KT_FINDING_WRONG,
		       "worker 'w' 0 of 2 was let go and never got a CPU "
		       "(and 1 other)");
	expect_kept(&(struct kt_limits){ .starved = KT_OFF });
	res.record.workers[0].msg.status = res.record.workers[1].msg.status = 256;
	expect_kept(NULL);
	res.record.workers[1].msg.status = 9;
	expect_finding(NULL, KT_FINDING_WRONG, "starved: worker 'w' 1 of 2");
}

TEST(test_gap)
{
	struct kt_msg m = { .type = KT_MSG_SCHED };
	struct kt_msg_worker *w;

	add("w", 0);
	w = add("w", 1);
	w->longest_gap_ns = MS(1999);
	expect_kept(NULL);
	w->longest_gap_ns = MS(2000);
	w->gap_cpu = 7;
	expect_finding(
		NULL, KT_FINDING_LATE,
		"gap: worker 'w' 1 wanted to run and did not for 2000 ms, until on CPU "
		"7, limit 2000 ms; that ended 1.500 s into step 'one', under the kernel's own "
		"scheduler");
	m.sched = (struct kt_msg_sched){ KT_SCHED_SPAWNED, 1, 0, 5, 0, 0, "mine", "" };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	m.sched = (struct kt_msg_sched){ KT_SCHED_ATTACHED, 1, 1, 5, 0, MS(2000), "mine", "ops" };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_finding(NULL, KT_FINDING_LATE, "under 'mine' (generation 1)");
	res.record.workers[0].msg.longest_gap_ns = MS(3000);
	expect_finding(
		NULL, KT_FINDING_LATE,
		"worker 'w' 0 wanted to run and did not for 3000 ms, until on CPU 0 (and 1 other)");
	expect_kept(&(struct kt_limits){ .gap = MS(4000) });
}

TEST(test_late_wakes_are_gaps)
{
	kt_histogram_add(&wakes, MS(2500));
	add("w", 0);
	expect_finding(NULL, KT_FINDING_LATE, "worker 'w' 0 was woken up to 26");
}

TEST(test_spread)
{
	struct kt_msg m = { .type = KT_MSG_OP };
	struct kt_msg_worker *w;

	add("w", 0);
	w = add("w", 1);
	w->cpu_ns = MS(8500);
	expect_kept(NULL);
	w->cpu_ns = MS(8000);
	expect_finding(NULL, KT_FINDING_LATE,
		       "spread: worker 'w' 0 had 10.000 s of CPU time and worker 1 had 8.000 s, "
		       "which is 20 % less, limit 15 %; from 0.100 s into step 'one'");
	/* The built-in limit compares only workers that never wait and had enough CPU time. */
	w->uneven = 1;
	expect_kept(NULL);
	expect_finding(&(struct kt_limits){ .spread = 19 }, KT_FINDING_LATE, "limit 19 %");
	w->uneven = 0;
	/* Nor do shares compare where the set of CPUs changed. */
	m.op = (struct kt_msg_op){ .kind = KT_OP_KIND_CPU_OFFLINE, .start_ns = MS(12000) };
	assert_int_equal(kt_run_record_add(&res.record, &m, NULL), 0);
	expect_finding(NULL, KT_FINDING_LATE, "spread: worker 'w' 0");
	res.record.ops[0].start_ns = MS(5000);
	expect_kept(NULL);
	res.record.op_count = 0;
	w->cpu_ns = MS(100);
	res.record.workers[0].msg.cpu_ns = MS(5000);
	expect_kept(NULL);
	w->cpu_ns = res.record.workers[0].msg.cpu_ns = 0;
	expect_finding(&(struct kt_limits){ .spread = 15 }, KT_FINDING_UNCLEAR,
		       "spread: workers 'w' used no CPU time: there is nothing to judge by");
}

TEST(test_isolation)
{
	seen[1] = 1;
	scenario.steps = KT_STEPS(KT_STEP("one", .ops = KT_OPS(KT_OP_CGROUP_ADD("a"),
							       KT_OP_CPUSET("a", KT_CPUS_LIST("0")),
							       KT_OP_START("w"))));
	add("w", 0);
	expect_finding(NULL, KT_FINDING_WRONG,
		       "isolation: worker 'w' 0 was seen on CPUs 0-1, but was only ever allowed "
		       "on 0");
	expect_kept(&(struct kt_limits){ .isolation = KT_OFF });
	scenario = kt_scenario_judged;
	expect_kept(NULL);
}

TEST(test_variation)
{
	add("w", 0)->iterations = 900;
	add("w", 1)->iterations = 1100;
	expect_kept(&(struct kt_limits){ .variation = 10 });
	expect_finding(
		&(struct kt_limits){ .variation = 9 }, KT_FINDING_LATE,
		"variation: the work rate of workers 'w' has a standard deviation of 10 % of "
		"the mean of 100 pieces");
	res.record.workers[0].msg.iterations = res.record.workers[1].msg.iterations = 0;
	expect_finding(&(struct kt_limits){ .variation = 9 }, KT_FINDING_UNCLEAR, "did no work");
}

TEST(test_work_rate)
{
	struct kt_msg_worker *w = add("w", 0);

	expect_kept(&(struct kt_limits){ .work_rate = 100 });
	expect_finding(&(struct kt_limits){ .work_rate = 101 }, KT_FINDING_LATE,
		       "work_rate: worker 'w' 0 did 100.0 pieces of work per second, limit 101");
	w->end_ns = 0;
	expect_finding(&(struct kt_limits){ .work_rate = 1 }, KT_FINDING_UNCLEAR,
		       "did not come to their end");
}

TEST(test_wake_p99)
{
	for (unsigned int i = 0; i < 98; i++)
		kt_histogram_add(&wakes, MS(1));
	kt_histogram_add(&wakes, MS(100));
	kt_histogram_add(&wakes, MS(100));
	add("w", 0);
	expect_kept(&(struct kt_limits){ .wake_p99 = MS(120) });
	expect_finding(&(struct kt_limits){ .wake_p99 = MS(90) }, KT_FINDING_LATE,
		       " ms, limit 90.000 ms, n=100");
	memset(&res.record.workers[0].wakes, 0, sizeof(wakes));
	expect_finding(&(struct kt_limits){ .wake_p99 = MS(90) }, KT_FINDING_UNCLEAR,
		       "were never woken for a known time");
}

TEST(test_migrations)
{
	struct kt_msg_worker *w = add("w", 0);

	w->migrations = 50;
	expect_kept(&(struct kt_limits){ .migrations = 50 });
	expect_finding(&(struct kt_limits){ .migrations = 49 }, KT_FINDING_WRONG,
		       "worker 'w' 0 changed its CPU in 50 of 100 runs, 50 %, limit 49 %");
	w->runs = 0;
	expect_finding(&(struct kt_limits){ .migrations = 49 }, KT_FINDING_UNCLEAR,
		       "never got a CPU");
}

TEST(test_locality)
{
	seen[0] = 75;
	seen[1] = 25; /* CPU 1 is in the other LLC */
	add("w", 0);
	expect_kept(&(struct kt_limits){ .locality = 75 });
	expect_finding(&(struct kt_limits){ .locality = 76 }, KT_FINDING_WRONG,
		       "worker 'w' 0 did 75 % of its work in one LLC, limit 76 %; it was seen on "
		       "CPUs 0-1");
	/* With one LLC in the machine, locality is 100 %. */
	scenario.topo = "1n1l2c1t";
	expect_kept(&(struct kt_limits){ .locality = 100 });
	memset(res.record.workers[0].seen, 0, sizeof(seen));
	expect_finding(&(struct kt_limits){ .locality = 1 }, KT_FINDING_UNCLEAR, "never seen");
}

TEST(test_fairness)
{
	const struct kt_limits limit = { .fairness = 10 };

	/* Weights 300 and 100. */
	add("w", 0)->cpu_ns = MS(4000);
	add("w", 1)->cpu_ns = MS(4000);
	add("v", 0)->cpu_ns = MS(2667);
	expect_kept(&(struct kt_limits){ .fairness = 1 });
	res.record.workers[2].msg.cpu_ns = MS(8000);
	judge(&limit);
	assert_int_equal(res.record.finding_count, 2);
	assert_contains(res.record.findings[0].text,
			"fairness: cgroup 'a' had 50.0 % of the CPU time; its weight entitles it "
			"to 75.0 %, deviation 33 %, limit 10 %");
	assert_contains(res.record.findings[1].text, "cgroup 'b' had 50.0 %");
	assert_int_equal(res.record.findings[0].kind, KT_FINDING_LATE);
	res.record.finding_count = 0;
	for (size_t i = 0; i < 3; i++)
		res.record.workers[i].msg.cpu_ns = 0;
	judge(&limit);
	assert_int_equal(res.record.findings[0].kind, KT_FINDING_UNCLEAR);
}

/* Each start of the same workers is a group of its own. */
TEST(test_starts_are_apart)
{
	add("w", 0);
	add("w", 1);
	add("w", 0)->longest_gap_ns = MS(9000);
	add("w", 1);
	expect_finding(NULL, KT_FINDING_LATE,
		       "worker 'w' 0 wanted to run and did not for 9000 ms,");
}

/* A worker with an undeclared name has no limits. */
TEST(test_unknown_workers)
{
	add("nobody", 0)->longest_gap_ns = MS(9000);
	expect_kept(NULL);
}

/* Without data a run is inconclusive; with another wrong finding it fails. */
TEST(test_verdicts)
{
	add("w", 0);
	judge(&(struct kt_limits){ .wake_p99 = 1 });
	kt_verdict_decide(&res);
	assert_int_equal(res.verdict, KT_VERDICT_INCONCLUSIVE);
	res.record.workers[0].msg.longest_gap_ns = MS(9000);
	judge(NULL);
	kt_verdict_decide(&res);
	assert_int_equal(res.verdict, KT_VERDICT_FAIL);
	assert_contains(res.cause, "gap: worker");
}
