/* SPDX-License-Identifier: GPL-2.0-only */
/* Cells: defaults and what is over them, what cannot be, and the two ends of a job. */
#include <string.h>

#include "base/cleanup.h"
#include "scenario/cell.h"
#include "tests/unit/test.h"

/* clang-format off */
KT_SCENARIO(plain, "declares nothing",
	.workers = KT_WORKERS(KT_WORKERS_ITEM("w", .workload = "x")));
KT_SCENARIO(unlike, "declares nothing but a snapshot", .snapshots = 1);
KT_SCENARIO(full, "declares all",
	.topo = "2n2l2c1t", .memory = KT_MIB(768), .nested = true, .start = KT_START_ATTACHED,
	.modules = KT_MODULES("m"), .cmdline = "isolcpus=2", .timeout = KT_SEC(7), .has_warm_up = true,
	.sched = KT_SCHED("a", .binary = "x", .args = KT_ARGS("y"),
			  .limits = KT_LIMITS(.gap = 1, .spread = 1, .work_rate = 1,
					      .isolation = KT_OFF)),
	.staged = KT_SCHED("b", .binary = "z", .fixed = true,
			   .limits = KT_LIMITS(.gap = 2, .spread = 2)),
	.limits = KT_LIMITS(.gap = 3, .spread = 3),
	.workers = KT_WORKERS(KT_WORKERS_ITEM("v", .workload = "x"),
			      KT_WORKERS_ITEM("w", .workload = "x", .limits = KT_LIMITS(.gap = 4))));
KT_SCENARIO(fixed, "is about its own", .staged = KT_SCHED("a", .binary = "x", .fixed = true));
KT_SCENARIO(long_one, "holds",
	.steps = KT_STEPS(KT_STEP("one", .hold = KT_SEC(3)),
			  KT_STEP("two", .ops = KT_OPS(KT_OP_FREEZE(KT_SEC(2))))));
/* clang-format on */

static const struct kt_cell_wishes none = { .has_seed = true };
static struct kt_cell cell;

static const struct kt_cell *make(const char *name, const struct kt_cell_wishes *wishes)
{
	assert_ok(kt_cell_init(&cell, name ? kt_scenario_find(name) : NULL, wishes, &diag));
	return &cell;
}

/* ---- what it is ---- */

TEST(test_defaults)
{
	const struct kt_cell *c = make("plain", &none);

	assert_string_equal(c->machine.topology, KT_DEFAULT_TOPO);
	assert_int_equal(kt_topology_cpus(&c->machine.topo), 2);
	assert_int_equal(c->machine.memory_bytes, KT_DEFAULT_MEMORY);
	assert_int_equal(c->machine.accel, KT_ACCEL_AUTO);
	assert_int_equal(c->start, KT_START_WARM);
	assert_int_equal(c->timeout_ns, KT_SEC(120));
	assert_null(c->machine.cmdline);
	assert_null(c->scheds[0].name);
	assert_null(kt_cell_boot(c));
	assert_null(c->skip);
	assert_false(kt_cell_is_primed(c));
	assert_int_equal(make("long_one", &none)->timeout_ns, KT_SEC(125));
}

TEST(test_what_the_scenario_says)
{
	const struct kt_cell *c = make("full", &none);

	assert_string_equal(c->machine.topology, "2n2l2c1t");
	assert_int_equal(kt_topology_cpus(&c->machine.topo), 4);
	assert_int_equal(c->machine.memory_bytes, KT_MIB(768));
	assert_true(c->machine.nested);
	assert_string_equal(c->machine.modules[0], "m");
	assert_string_equal(c->machine.cmdline, "isolcpus=2");
	assert_int_equal(c->start, KT_START_ATTACHED);
	assert_int_equal(c->timeout_ns, KT_SEC(7));
	assert_string_equal(kt_cell_boot(c)->name, "a");
	assert_string_equal(c->scheds[1].name, "b");
	assert_null(c->scheds[2].name);
	assert_true(kt_cell_is_primed(c));
}

TEST(test_what_the_user_says)
{
	const struct kt_cell_wishes wishes = { .topology = "1n1l3c1t",
					       .memory_bytes = KT_MIB(256),
					       .accel = KT_ACCEL_KVM,
					       .kernel = "/k/vmlinux",
					       .build_id = "0123456789abcdef",
					       .has_seed = true,
					       .seed = 5,
					       .cold = true,
					       .scheduler = "/s/mine",
					       .scheduler_args = KT_ARGS("q"),
					       .timeout_ns = 9 };
	const struct kt_cell *c = make("full", &wishes);
	char name[KT_CELL_NAME_MAX];

	assert_int_equal(kt_topology_cpus(&c->machine.topo), 3);
	assert_int_equal(c->machine.memory_bytes, KT_MIB(256));
	assert_int_equal(c->machine.accel, KT_ACCEL_KVM);
	assert_int_equal(c->machine.seed, 5);
	assert_int_equal(c->start, KT_START_COLD);
	assert_false(kt_cell_is_primed(c));
	assert_int_equal(c->timeout_ns, 9);
	/* In place of the one that may be replaced, alone. */
	assert_string_equal(c->scheds[0].name, "a");
	assert_string_equal(c->scheds[0].binary, "/s/mine");
	assert_string_equal(c->scheds[0].args[0], "q");
	assert_string_equal(c->scheds[1].binary, "z");
	assert_null(c->skip);
	assert_string_equal(kt_cell_name(c, name), "full@1n1l3c1t+mine/0123456789ab/kvm/5");
}

/* The scenario's, else 30 s; the user's in any case. A longer one prolongs the run. */
TEST(test_time_of_an_attach)
{
	const struct kt_cell_wishes wishes = { .has_seed = true, .attach_timeout_ns = KT_SEC(70) };
	uint64_t timeout = make("plain", &none)->timeout_ns;
	struct kt_scenario slow = *cell.scenario;

	assert_int_equal(cell.attach_timeout_ns, KT_SEC(30));
	assert_int_equal(make("plain", &wishes)->attach_timeout_ns, KT_SEC(70));
	assert_int_equal(cell.timeout_ns, timeout + KT_SEC(40));
	assert_int_equal(kt_cell_job(&cell, false).attach_timeout_ns, KT_SEC(70));
	slow.attach_timeout = KT_SEC(20);
	assert_int_equal(kt_cell_init(&cell, &slow, &none, NULL), 0);
	assert_int_equal(cell.attach_timeout_ns, KT_SEC(20));
}

TEST(test_seeds)
{
	static const struct kt_cell_wishes random = { .seed = 5 };
	uint64_t first = make("plain", &random)->machine.seed;
	const struct kt_cell_wishes again = cell.wishes;

	assert_true(first != 5);
	assert_true(make("plain", &random)->machine.seed != first);
	assert_true(make("plain", &again)->machine.seed == first);
}

/* No clone is a machine for measuring. */
TEST(test_perf_is_cold)
{
	const struct kt_cell_wishes wishes = { .has_seed = true, .perf = true };

	assert_int_equal(make("plain", &wishes)->start, KT_START_COLD);
	assert_true(cell.machine.perf);
}

TEST(test_accelerator)
{
	const struct kt_cell_wishes kvm = { .has_seed = true, .accel = KT_ACCEL_KVM };

	make("plain", &none);
	kt_cell_settle(&cell, KT_ACCEL_KVM, NULL);
	assert_int_equal(cell.machine.accel, KT_ACCEL_KVM);
	/* kvm makes no machines that can run machines. */
	make("full", &none);
	kt_cell_settle(&cell, KT_ACCEL_KVM, "why");
	assert_int_equal(cell.machine.accel, KT_ACCEL_TCG);
	assert_string_equal(cell.machine.accel_reason, "why");
	make("full", &kvm);
	kt_cell_settle(&cell, KT_ACCEL_TCG, NULL);
	assert_int_equal(cell.machine.accel, KT_ACCEL_KVM);
}

/* Time is counted under tcg, but not in a nested machine, and where the user wants it. */
TEST(test_time)
{
	struct kt_cell_wishes wishes = { .has_seed = true, .accel = KT_ACCEL_TCG };

	make("plain", &none);
	assert_int_equal(cell.machine.time, KT_TIME_AUTO);
	kt_cell_settle(&cell, KT_ACCEL_TCG, NULL);
	assert_int_equal(cell.machine.time, KT_TIME_COUNTED);
	make("plain", &none);
	kt_cell_settle(&cell, KT_ACCEL_KVM, NULL);
	assert_int_equal(cell.machine.time, KT_TIME_HOST);
	assert_int_equal(make("plain", &wishes)->machine.time, KT_TIME_COUNTED);
	assert_int_equal(make(NULL, &wishes)->machine.time, KT_TIME_COUNTED);
	assert_int_equal(make("full", &wishes)->machine.time, KT_TIME_HOST);
	wishes.time = KT_TIME_HOST;
	assert_int_equal(make("plain", &wishes)->machine.time, KT_TIME_HOST);
	/* vmm/ refuses it. */
	wishes.accel = KT_ACCEL_KVM;
	wishes.time = KT_TIME_COUNTED;
	assert_int_equal(make("plain", &wishes)->machine.time, KT_TIME_COUNTED);
}

TEST(test_given_scheduler)
{
	struct kt_cell_wishes wishes = { .has_seed = true, .scheduler = "./mine" };

	assert_string_equal(kt_cell_boot(make("plain", &wishes))->name, KT_GIVEN_SCHED);
	assert_string_equal(cell.scheds[0].binary, "./mine");
	assert_null(cell.scheds[1].name);
	wishes.scheduler_name = "x";
	assert_string_equal(kt_cell_boot(make("plain", &wishes))->name, "x");
	/* Commands are attached to when the machine is ready for them. */
	assert_null(kt_cell_boot(make(NULL, &wishes)));
	assert_string_equal(cell.scheds[0].name, "x");
	/* Nothing is left to run under it. */
	assert_non_null(make("fixed", &wishes)->skip);
	assert_string_equal(cell.scheds[0].binary, "x");
}

TEST(test_limits)
{
	struct kt_cell_wishes wishes = { .has_seed = true, .limits = { .gap = 5 } };
	const struct kt_workers *w = kt_scenario_find("full")->workers;
	const struct kt_cell_limits *l = kt_cell_limits(make("full", &none), &w[1]);

	assert_int_equal(l->limits.gap, 4);
	assert_int_equal(l->limits.spread, 3);
	assert_int_equal(l->limits.work_rate, 1);
	assert_true(l->limits.isolation == KT_OFF);
	assert_int_equal(l->limits.starved, KT_ON);
	assert_int_equal(l->limits.wake_p99, 0);
	assert_true(l->spread_is_given);
	assert_int_equal(kt_cell_limits(&cell, &w[0])->limits.gap, 3);
	make("full", &wishes);
	assert_int_equal(l->limits.gap, 5);
	/* Built in. */
	l = kt_cell_limits(make("plain", &none), kt_scenario_find("plain")->workers);
	assert_memory_equal(&l->limits, &kt_limits_default, sizeof(l->limits));
	assert_int_equal(l->limits.gap, KT_SEC(2));
	assert_int_equal(l->limits.spread, 15);
	assert_false(l->spread_is_given);
	for (enum kt_limit i = KT_LIMIT_VARIATION; i < KT_LIMIT_COUNT_; i++)
		assert_int_equal(kt_limit_get(&l->limits, i), 0);
}

TEST(test_what_cannot_be)
{
	static const struct {
		struct kt_cell_wishes wishes;
		const char *word;
	} cases[] = {
		{ { .topology = "4c" }, "4c" },
		{ { .topology = "0n1l1c1t" }, "0n1l1c1t" },
		{ { .scheduler = "/s/", .scheduler_name = "" }, "empty" },
		{ { .scheduler = "/s", .scheduler_name = "a/b" }, "'/'" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_cell_init(&cell, NULL, &cases[i].wishes, &diag),
				 KT_CELL_E_INVALID);
		if (!strstr(diag.cause, cases[i].word))
			fail_msg("%s: %s", diag.doing, diag.cause);
	}
}

/* ---- the border ---- */

/* Each wish that both sides know of, and none that only the host does. */
TEST(test_hash)
{
	static const struct {
		const char *scenario;
		struct kt_cell_wishes wishes;
		bool same;
	} cases[] = {
		{ "full", { 0 }, false },
		{ "unlike", { 0 }, false },
		{ "plain", { .topology = "1n1l1c1t" }, false },
		{ "plain", { .memory_bytes = KT_MIB(256) }, false },
		{ "plain", { .seed = 1 }, false },
		{ "plain", { .cold = true }, false },
		{ "plain", { .scheduler = "s" }, false },
		{ "plain", { .accel = KT_ACCEL_TCG }, true },
		{ "plain", { .kernel = "k", .build_id = "b" }, true },
		{ "plain", { .limits.gap = 1 }, true },
		{ "plain", { .timeout_ns = 1 }, true },
		{ "plain", { .topology = KT_DEFAULT_TOPO }, true },
	};
	uint64_t first = kt_cell_hash(make("plain", &none)), given;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_cell_wishes wishes = cases[i].wishes;

		wishes.has_seed = true;
		if ((kt_cell_hash(make(cases[i].scenario, &wishes)) == first) != cases[i].same)
			fail_msg("case %zu", i);
	}
	given = kt_cell_hash(
		make("plain", &(struct kt_cell_wishes){ .has_seed = true, .scheduler = "s" }));
	assert_true(given !=
		    kt_cell_hash(make("plain", &(struct kt_cell_wishes){ .has_seed = true,
									 .scheduler = "s",
									 .scheduler_name = "t" })));
	make("plain", &none);
	cell.machine.nested = true;
	assert_true(kt_cell_hash(&cell) != first);
}

/* What init makes of a job is the cell that the host made the job of. */
TEST(test_a_job_is_its_cell)
{
	static const struct {
		const char *scenario;
		struct kt_cell_wishes wishes;
	} cases[] = {
		{ "plain", { 0 } },
		{ "full", { 0 } },
		{ "full", { .perf = true, .scheduler = "/s", .limits.gap = 1 } },
		{ "plain", { .topology = "2n2l2c1t", .memory_bytes = KT_MIB(300), .cold = true } },
		{ "plain", { .scheduler = "/s", .scheduler_name = "mine" } },
		{ "plain", { .scheduler = "/s" } },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_msg_job job =
			kt_cell_job(make(cases[i].scenario, &cases[i].wishes), i % 2);
		struct kt_diag diag = KT_DIAG_INIT;
		struct kt_cell of_init;

		if (kt_cell_of_job(&of_init, &job, &diag))
			fail_msg("case %zu: %s: %s", i, diag.doing, diag.cause);
		assert_ptr_equal(of_init.scenario, cell.scenario);
		assert_int_equal(of_init.machine.seed, cell.machine.seed);
		assert_int_equal(of_init.start, cell.start);
		assert_int_equal(of_init.has_boot, cell.has_boot);
		assert_int_equal(job.prime, i % 2);
	}
}

static void expect_differs(const struct kt_msg_job *job, const char *word)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_cell of_init;

	assert_int_equal(kt_cell_of_job(&of_init, job, &diag), KT_CELL_E_DIFFERS);
	if (!strstr(diag.cause, word) || strcmp(diag.doing, "check the job"))
		fail_msg("%s: %s", diag.doing, diag.cause);
}

TEST(test_a_job_that_differs_is_refused)
{
	const struct kt_msg_job good = kt_cell_job(make("plain", &none), false);
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_msg_job job = good;

	job.table_hash++;
	expect_differs(&job, "table hash");
	job = good;
	job.cell_hash++;
	expect_differs(&job, "cell hash");
	job = good;
	job.seed++;
	expect_differs(&job, "cell hash");
	job = good;
	strcpy(job.topology, "1n1l1c1t");
	expect_differs(&job, "cell hash");
	job = good;
	strcpy(job.scenario, "gone");
	assert_int_equal(kt_cell_of_job(&cell, &job, &diag), KT_CELL_E_INVALID);
	assert_contains(diag.cause, "'gone'");
}
