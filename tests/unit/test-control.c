/* SPDX-License-Identifier: GPL-2.0-only */
/* Work rates beside those of the control run, and which scenarios have one. */
#include <string.h>

#include "judge/control.h"
#include "judge/worker-limits.h"
#include "scenario/control.h"
#include "tests/unit/test.h"

#define MS(n) ((uint64_t)(n)*1000000)

static struct kt_run_record rec;

/* clang-format off */
#define STEADY(id, ...) \
	KT_SCENARIO(id, "workers", \
		.workers = KT_WORKERS(KT_WORKERS_ITEM("w", .workload = "x", .count = 2), \
				      KT_WORKERS_ITEM("v", .workload = "x", \
						      .limits = KT_LIMITS(.control = 80))), \
		__VA_ARGS__)
#define ONE_STEP(...) .steps = KT_STEPS(KT_STEP("one", .ops = KT_OPS(__VA_ARGS__), .hold = MS(500)))

STEADY(steady, ONE_STEP(KT_OP_CGROUP_ADD("a"), KT_OP_CPUSET("a", KT_CPUS_ALL()), KT_OP_START("w"),
			KT_OP_START("v")));
KT_SCENARIO(two_kinds, "workers",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("w", .workload = "x"), KT_WORKERS_ITEM("x", .workload = "y"),
			      KT_WORKERS_ITEM("v", .workload = "x", .limits = KT_LIMITS(.control = 80))),
	ONE_STEP(KT_OP_START("w"), KT_OP_START("x"), KT_OP_START("v")));
STEADY(no_start, ONE_STEP(KT_OP_CGROUP_ADD("a")));
STEADY(nice_later, ONE_STEP(KT_OP_START("w"), KT_OP_NICE("w", 5)));
STEADY(expected, ONE_STEP(KT_OP_START("w", .expect = KT_OP_REFUSED)));
STEADY(two_steps, .steps = KT_STEPS(KT_STEP("one", .ops = KT_OPS(KT_OP_START("w"))),
				    KT_STEP("two", .hold = MS(1))));
STEADY(repeated, .steps = KT_STEPS(KT_STEP("one", .ops = KT_OPS(KT_OP_START("w")), .hold = MS(500),
					   .every = MS(100))));
STEADY(deadly, ONE_STEP(KT_OP_START("w")), .expect_death = KT_DEATH(KT_SCX_ERROR_STALL));
/* clang-format on */

static void setup(void)
{
	assert_int_equal(kt_run_record_init(&rec), 0);
}

static void teardown(void)
{
	kt_run_record_deinit(&rec);
}

AROUND_EACH(setup, teardown);

static void add(const char *name, unsigned int index, bool control, uint64_t pieces, uint64_t ms)
{
	static const struct kt_histogram no_wakes;
	static const uint32_t seen[KT_CPUS_MAX];
	uint8_t bytes[4 * KT_HISTOGRAM_BUCKETS];
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_msg m = { .type = KT_MSG_WORKER,
			    .worker = { .index = index,
					.iterations = pieces,
					.runs = 2,
					.control = control,
					.start_ns = MS(1000),
					.end_ns = ms ? MS(1000 + ms) : 0 } };

	strcpy(m.worker.name, name);
	m.worker.seen = (struct kt_bytes){ (const uint8_t *)seen, sizeof(seen) };
	m.worker.wakes = (struct kt_bytes){ bytes, (uint32_t)kt_histogram_write(&no_wakes, bytes) };
	assert_int_equal(kt_run_record_add(&rec, &m, &diag), 0);
}

static size_t judge(const struct kt_scenario *s)
{
	struct kt_cell_wishes wishes = { .has_seed = true };
	static struct kt_cell cell;

	assert_int_equal(kt_cell_init(&cell, s, &wishes, NULL), 0);
	rec.finding_count = 0;
	assert_int_equal(kt_control_judge(&rec, &cell), 0);
	return rec.finding_count;
}

TEST(test_steady_scenarios)
{
	assert_true(kt_scenario_is_steady(&kt_scenario_steady));
	assert_false(kt_scenario_is_steady(&kt_scenario_no_start));
	assert_false(kt_scenario_is_steady(&kt_scenario_nice_later));
	assert_false(kt_scenario_is_steady(&kt_scenario_expected));
	assert_false(kt_scenario_is_steady(&kt_scenario_two_steps));
	assert_false(kt_scenario_is_steady(&kt_scenario_repeated));
	assert_false(kt_scenario_is_steady(&kt_scenario_deadly));
}

/* Rates count, not pieces: the control run is shorter. Workers of a group count together. */
TEST(test_collapse)
{
	add("w", 0, false, 40, 500);
	add("w", 1, false, 60, 500);
	add("w", 0, true, 50, 200);
	add("w", 1, true, 30, 200);
	assert_int_equal(judge(&kt_scenario_steady), 0);
	rec.workers[0].msg.iterations = 39;
	assert_int_equal(judge(&kt_scenario_steady), 1);
	assert_contains(rec.findings[0].text,
			"control: workers 'w' did 198.0 pieces of work per second, and 400.0 "
			"afterwards under the kernel's own scheduler: 50 %, limit 50 %; from ");
	assert_int_equal(rec.findings[0].kind, KT_FINDING_LATE);
	assert_int_equal(rec.findings[0].late.end_ns, MS(1500));
	assert_int_equal(judge(&kt_scenario_nice_later), 0);
}

TEST(test_limit_of_the_group)
{
	add("v", 0, false, 790, 1000);
	add("v", 0, true, 200, 200);
	assert_int_equal(judge(&kt_scenario_steady), 1);
	rec.workers[0].msg.iterations = 801;
	assert_int_equal(judge(&kt_scenario_steady), 0);
}

/* What one group loses to another is a choice, unless the group has a limit of its own. */
TEST(test_groups_beside_each_other)
{
	add("w", 0, false, 10, 500);
	add("w", 0, true, 100, 200);
	add("x", 0, false, 300, 500);
	add("x", 0, true, 100, 200);
	assert_int_equal(judge(&kt_scenario_two_kinds), 0);
	rec.workers[1].msg.iterations = 100;
	assert_int_equal(judge(&kt_scenario_two_kinds), 2);
	rec.workers[1].msg.iterations = 300;
	strcpy(rec.workers[0].msg.name, "v");
	strcpy(rec.controls[0].msg.name, "v");
	assert_int_equal(judge(&kt_scenario_two_kinds), 1);
}

/* Nothing to compare: no control run, one that did too little, a worker that was killed. */
TEST(test_no_comparison)
{
	add("w", 0, false, 0, 500);
	assert_int_equal(judge(&kt_scenario_steady), 0);
	add("w", 0, true, 19, 200);
	assert_int_equal(judge(&kt_scenario_steady), 0);
	rec.controls[0].msg.iterations = 20;
	assert_int_equal(judge(&kt_scenario_steady), 1);
	rec.workers[0].msg.end_ns = 0;
	assert_int_equal(judge(&kt_scenario_steady), 0);
}

/* Those of the control run are no workers of the run. */
TEST(test_kept_apart)
{
	add("w", 0, true, 100, 200);
	assert_int_equal(rec.worker_count, 0);
	assert_int_equal(rec.control_count, 1);
}
