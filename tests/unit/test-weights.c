/* SPDX-License-Identifier: GPL-2.0-only */
/* Shares of CPU time that contradict the nice values of workers. */
#include <sched.h>
#include <string.h>

#include "judge/weights.h"
#include "tests/unit/test.h"

#define MS(n) ((uint64_t)(n)*1000000)

enum { STARTED = MS(2000), ENDED = MS(10000) };

static struct kt_run_record rec;
static const char *limit;

/* clang-format off */
KT_SCENARIO(weighed, "workers of several nice values",
	.topo    = KT_TOPO("1n1l2c1t"),
	.workers = KT_WORKERS(
		KT_WORKERS_ITEM("heavy", .workload = "x", .count = 2, .nice = -10),
		KT_WORKERS_ITEM("light", .workload = "x", .nice = 10),
		KT_WORKERS_ITEM("plain", .workload = "x"),
		KT_WORKERS_ITEM("pinned", .workload = "x", .nice = -20, .cpus = KT_CPUS_LIST("0")),
		KT_WORKERS_ITEM("apart", .workload = "x", .nice = -20, .cgroup = "a"),
		KT_WORKERS_ITEM("rt", .workload = "x", .nice = -20, .policy = SCHED_FIFO,
				.priority = 1)),
	.steps   = KT_STEPS(KT_STEP("one", .ops = KT_OPS(
		KT_OP_START("heavy"), KT_OP_START("light"), KT_OP_START("plain"),
		KT_OP_START("pinned"), KT_OP_CGROUP_ADD("a"), KT_OP_START("apart"),
		KT_OP_START("rt"), KT_OP_NICE("plain", 19), KT_OP_AFFINITY("light", KT_CPUS_ALL()),
		KT_OP_CPU_OFFLINE(1), KT_OP_MOVE("light", "a")))));
/* clang-format on */

enum { CGROUP_ADD = 4, NICE = 7, AFFINITY, OFFLINE, MOVE }; /* places among the ops */

static void add(const struct kt_msg *msg)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_run_record_add(&rec, msg, &diag), 0);
}

static void add_op(uint32_t op, enum kt_op_kind kind, uint64_t start_ns)
{
	struct kt_msg m = { .type = KT_MSG_OP,
			    .op = { .op = op, .kind = kind, .start_ns = start_ns } };

	add(&m);
}

static void setup(void)
{
	const struct kt_msg spawned = { .type = KT_MSG_SCHED,
					.sched = { KT_SCHED_SPAWNED, 1, 0, 7, 0, MS(900), "x" } };
	const struct kt_msg attached = {
		.type = KT_MSG_SCHED, .sched = { KT_SCHED_ATTACHED, 1, 1, 7, 0, MS(1000), "x", "x" }
	};

	limit = NULL;
	assert_int_equal(kt_run_record_init(&rec), 0);
	add(&spawned);
	add(&attached);
	rec.steps[0].start_ns = MS(1000);
	for (uint32_t i = 0; i < NICE; i++)
		add_op(i, i == CGROUP_ADD ? KT_OP_KIND_CGROUP_ADD : KT_OP_KIND_START, MS(1100));
}

static void teardown(void)
{
	kt_run_record_deinit(&rec);
}

AROUND_EACH(setup, teardown);

/* A worker that waited whenever it did not run; valid until the next one is added. */
static struct kt_msg_worker *add_worker(const char *name, unsigned int index, uint64_t cpu_ns)
{
	static const struct kt_histogram no_wakes;
	static const uint32_t seen[KT_CPUS_MAX];
	uint8_t bytes[4 * KT_HISTOGRAM_BUCKETS];
	struct kt_msg m = { .type = KT_MSG_WORKER,
			    .worker = { .index = index,
					.iterations = 1,
					.runs = 2,
					.cpu_ns = cpu_ns,
					.delay_ns = ENDED - STARTED - cpu_ns,
					.start_ns = STARTED,
					.end_ns = ENDED } };

	strcpy(m.worker.name, name);
	m.worker.seen = (struct kt_bytes){ (const uint8_t *)seen, sizeof(seen) };
	m.worker.wakes = (struct kt_bytes){ bytes, (uint32_t)kt_histogram_write(&no_wakes, bytes) };
	add(&m);
	return &rec.workers[rec.worker_count - 1].msg;
}

static void judge(void)
{
	struct kt_cell_wishes wishes = { .has_seed = true };
	struct kt_diag diag = KT_DIAG_INIT;
	static struct kt_cell cell;

	if (limit)
		assert_int_equal(kt_limits_parse(&wishes.limits, limit, &diag), 0);
	assert_int_equal(kt_cell_init(&cell, &kt_scenario_weighed, &wishes, NULL), 0);
	rec.finding_count = 0;
	assert_int_equal(kt_weights_judge(&rec, &cell), 0);
}

static void expect_none(void)
{
	judge();
	if (rec.finding_count)
		fail_msg("%s", rec.findings[0].text);
}

static void expect(const char *words)
{
	judge();
	assert_int_equal(rec.finding_count, 1);
	assert_contains(rec.findings[0].text, words);
	assert_int_equal(rec.findings[0].kind, KT_FINDING_LATE);
}

TEST(test_wrong_way_round)
{
	add_worker("light", 0, MS(6800));
	add_worker("heavy", 0, MS(100));
	add_worker("heavy", 1, MS(400));
	expect("weights: nice 10 got 68.0 times the CPU time of nice -10 (and 1 other): worker 'light' "
	       "0 had 6.800 s, worker 'heavy' 0 had 0.100 s, and neither ever rested; limit 200 %; "
	       "from 1.000 s into step 'one', under 'x' (generation 1)");
	limit = "weights=off";
	expect_none();
}

/* A scheduler may ignore nice values. */
TEST(test_equal_shares)
{
	struct kt_msg_worker *light;

	add_worker("heavy", 0, MS(2000));
	light = add_worker("light", 0, MS(4000));
	expect_none();
	light->cpu_ns += MS(200);
	light->delay_ns -= MS(200);
	expect("nice 10 got 2.1 times");
}

/* A limit below 100 % is kept by a scheduler that favours the heavier worker alone. */
TEST(test_given_limit)
{
	add_worker("light", 0, MS(2000));
	add_worker("heavy", 0, MS(2000));
	limit = "weights=50%";
	expect("nice 10 got 1.0 times the CPU time of nice -10");
	rec.workers[1].msg.cpu_ns = MS(4000);
	rec.workers[1].msg.delay_ns = MS(4000);
	expect_none();
}

TEST(test_nice_by_op)
{
	add_worker("plain", 0, MS(7000));
	add_worker("light", 0, MS(1000));
	/* nice 0 beside 10 */
	expect_none();
	add_op(NICE, KT_OP_KIND_NICE, STARTED + MS(10));
	expect("nice 19 got 7.0 times the CPU time of nice 10");
	/* Before the worker first ran. */
	rec.ops[NICE].start_ns = STARTED - MS(100);
	expect("nice 19 got 7.0 times the CPU time of nice 10");
	/* In the middle of its life. */
	rec.ops[NICE].start_ns = STARTED + MS(4000);
	expect_none();
	rec.ops[NICE].start_ns = STARTED + MS(10);
	rec.ops[NICE].error = KT_OP_REFUSED;
	expect_none();
}

/* Each of these explains the shares, or leaves them unexplained. */
TEST(test_no_rivals)
{
	struct kt_msg_worker *light, *other;

	add_worker("light", 0, MS(7000));
	add_worker("pinned", 0, MS(100));
	add_worker("apart", 0, MS(100));
	add_worker("rt", 0, MS(100));
	expect_none();
	other = add_worker("heavy", 0, MS(100));
	expect("nice 10 got 70.0 times");
	light = &rec.workers[0].msg;
	other->uneven = 1;
	expect_none();
	other->uneven = 0;
	other->delay_ns = MS(6000); /* it slept for the rest */
	expect_none();
	other->delay_ns = MS(7900);
	other->start_ns = STARTED + MS(3000);
	other->delay_ns = MS(4900);
	expect_none();
	other->start_ns = STARTED;
	other->delay_ns = MS(7900);
	light->end_ns = STARTED + MS(900);
	light->cpu_ns = MS(900);
	expect_none();
	light->end_ns = ENDED;
	light->cpu_ns = MS(7000);
	expect("nice 10 got 70.0 times");
	rec.scheds[0].attached_ns = STARTED + 1;
	expect_none();
}

TEST(test_ops_that_disturb)
{
	struct kt_msg_op *last;

	add_worker("light", 0, MS(7000));
	add_worker("heavy", 0, MS(100));
	add_op(AFFINITY, KT_OP_KIND_AFFINITY, STARTED - MS(1));
	expect("nice 10 got 70.0 times");
	add_op(AFFINITY, KT_OP_KIND_AFFINITY, STARTED + MS(1));
	expect_none();
	last = &rec.ops[rec.op_count - 1];
	last->op = OFFLINE;
	last->kind = KT_OP_KIND_CPU_OFFLINE;
	expect_none();
	last->start_ns = MS(1500);
	expect("nice 10 got 70.0 times");
	last->op = MOVE;
	last->kind = KT_OP_KIND_MOVE;
	expect_none();
}
