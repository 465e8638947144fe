/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario table, its rules and its positions on the hold-time axis. */
#include <string.h>

#include "base/cleanup.h"
#include "scenario/scenario.h"
#include "tests/unit/test.h"

KT_SCENARIO(zebra, "sorted last", .topo = KT_TOPO("1n1l1c1t"));
KT_SCENARIO(aardvark, "sorted first",
	    .staged = KT_SCHED("primary", .binary = "x", .args = KT_ARGS("--a", "b c")),
	    .snapshots = 3,
	    .steps = KT_STEPS(KT_STEP("one", .hold = KT_MS(400)),
			      KT_STEP("two", .ops = KT_OPS(KT_OP_ATTACH("primary")),
				      .hold = KT_MS(600))));

static void test_table_is_sorted(void **state)
{
	unsigned int n;
	const struct kt_scenario *const *t = kt_scenario_table(&n);

	assert_int_equal(n, 2);
	assert_string_equal(t[0]->name, "aardvark");
	assert_string_equal(t[1]->name, "zebra");
	assert_ptr_equal(kt_scenario_find("zebra"), t[1]);
	assert_null(kt_scenario_find("zebr"));
	assert_true(t[0]->line > 0);
	assert_non_null(strstr(t[0]->file, "test-scenario.c"));
}

static void test_declared_schedulers(void **state)
{
	const struct kt_scenario *s = kt_scenario_find("aardvark");

	assert_string_equal(kt_scenario_sched(s, "primary")->args[1], "b c");
	assert_null(kt_scenario_sched(s, "other"));
}

static uint64_t hash_of(const struct kt_scenario *s)
{
	return kt_scenario_hash(&s, 1);
}

/* A record with something in every field, made by the tables; memory is taken of the arena. */
struct sample {
	char arena[16384];
	size_t used;
	int change; /* so many fields are filled before the one that gets another value */
	const struct kt_field *changed;
};

static void *take(struct sample *sample, size_t size)
{
	void *p = sample->arena + sample->used;

	sample->used += (size + 15) / 16 * 16;
	assert_true(sample->used <= sizeof(sample->arena));
	return p;
}

static void fill(struct sample *sample, const struct kt_fields *of, char *p);

static void fill_field(struct sample *sample, const struct kt_field *f, char *at)
{
	bool change = !sample->change--;
	const char *text = change ? "b" : "a", **texts;

	if (change)
		sample->changed = f;
	switch (f->kind) {
	case KT_FIELD_TEXT:
		memcpy(at, &text, sizeof(text));
		break;
	case KT_FIELD_TEXTS:
		texts = take(sample, 3 * sizeof(text));
		texts[0] = "a";
		texts[1] = text;
		memcpy(at, &texts, sizeof(texts));
		break;
	case KT_FIELD_ONE:
	case KT_FIELD_LIST:
		text = take(sample, 2 * f->of->size);
		memcpy(at, &text, sizeof(text));
		/* One that is not there is another value, too. */
		if (!change)
			fill(sample, f->of, (char *)(uintptr_t)text);
		else if (f->kind == KT_FIELD_ONE)
			memset(at, 0, sizeof(text));
		break;
	case KT_FIELD_STRUCT:
		fill(sample, f->of, at);
		break;
	default:
		at[f->kind == KT_FIELD_NUMBERS ? f->size - 1 : 0] = change ? 2 : 1;
	}
}

static void fill(struct sample *sample, const struct kt_fields *of, char *p)
{
	for (const struct kt_field *f = of->list; f->name; f++)
		fill_field(sample, f, p + f->offset);
}

static uint64_t hash_of_sample(struct sample *sample, int change)
{
	*sample = (struct sample){ .change = change };
	const struct kt_scenario *s = take(sample, sizeof(*s));

	fill(sample, &kt_scenario_fields, (char *)(uintptr_t)s);
	return hash_of(s);
}

/* Every field of every struct that a record points to, one after the other. */
static void test_hash_covers_every_field(void **state)
{
	static const char apart[] = " doc file line warm_up body check check_always ";
	static struct sample sample;
	uint64_t first = hash_of_sample(&sample, -1), hash;
	unsigned int covered = 0;
	char name[64];

	for (int change = 0;; change++) {
		hash = hash_of_sample(&sample, change);
		if (!sample.changed)
			break;
		snprintf(name, sizeof(name), " %s ", sample.changed->name);
		if (sample.changed->kind == KT_FIELD_STRUCT)
			continue; /* its members come next */
		if ((hash == first) != !!strstr(apart, name))
			fail_msg("the hash is wrong about%s(field %d)", name, change);
		covered++;
	}
	assert_true(covered > 60);
}

static void test_hash_covers_modules_in_order(void **state)
{
	struct kt_scenario s = *kt_scenario_find("aardvark");
	uint64_t first;

	s.modules = KT_MODULES("irqbypass", "kvm");
	first = hash_of(&s);
	s.modules = KT_MODULES("kvm", "irqbypass");
	assert_int_not_equal(hash_of(&s), first);
	s.modules = KT_MODULES("irqbypass");
	assert_int_not_equal(hash_of(&s), first);
}

static void test_snapshot_positions(void **state)
{
	struct kt_scenario s = *kt_scenario_find("aardvark");

	assert_int_equal(kt_scenario_hold_ns(&s), KT_MS(1000));
	assert_int_equal(kt_scenario_snapshot_ns(&s, 0), KT_MS(100));
	assert_int_equal(kt_scenario_snapshot_ns(&s, 1), KT_MS(500));
	assert_int_equal(kt_scenario_snapshot_ns(&s, 2), KT_MS(900));
	s.snapshots = 1;
	assert_int_equal(kt_scenario_snapshot_ns(&s, 0), KT_MS(500));
}

/* Changes one thing of a good record and expects it to be refused with a word. */
static void refused(const struct kt_scenario *s, const char *word)
{
	struct kt_diag diag = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];

	assert_int_equal(kt_scenario_validate(s, &diag), KT_SCENARIO_E_INVALID);
	if (!strstr(kt_diag_format(&diag, text, sizeof(text)), word))
		fail_msg("'%s' not in: %s", word, text);
}

static void test_rules(void **state)
{
	const struct kt_scenario good = *kt_scenario_find("aardvark");
	const struct kt_sched_decl twice[] = { { "a", "x", NULL }, { "a", "y", NULL }, { 0 } };
	const struct kt_sched_decl nobinary[] = { { "primary", NULL, NULL }, { 0 } };
	const struct kt_sched_decl badname[] = { { "Bad Name", "x", NULL }, { 0 } };
	const struct kt_step unknown[] = {
		{ "s", (const struct kt_op[]){ KT_OP_ATTACH("nobody"), { 0 } }, 1 }, { 0 }
	};
	const struct kt_step endless[] = { { "s", NULL, KT_SEC(3601) }, { 0 } };
	struct kt_scenario s = good;
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_scenario_validate(&good, &diag), 0);
	assert_false(kt_diag_is_set(&diag));
#define REFUSED(field, value, word) (s = good, s.field = (value), refused(&s, word))
	REFUSED(name, "with space", "is not a name");
	REFUSED(doc, "", "description");
	REFUSED(doc, NULL, "description");
	REFUSED(topo, "4c", "topology");
	REFUSED(snapshots, 100000, "snapshots");
	REFUSED(modules, KT_MODULES("kvm", "../kvm"), "module '../kvm'");
	REFUSED(modules, KT_MODULES("kvm.ko"), "'.ko'");
	REFUSED(modules, KT_MODULES(""), "module ''");
	REFUSED(modules, KT_MODULES("kvm", "a", "kvm"), "named twice");
	REFUSED(modules,
		KT_MODULES("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n",
			   "o", "p", "q"),
		"more than 16 modules");
	REFUSED(staged, twice, "declared twice");
	REFUSED(staged, nobinary, ".binary");
	REFUSED(staged, badname, "is not a name");
	REFUSED(sched, twice, "more than one boot scheduler");
	REFUSED(steps, unknown, "'nobody'");
	REFUSED(steps, endless, "an hour");
	REFUSED(steps, NULL, "no step holds");
	s = good;
	s.start = KT_START_ATTACHED;
	refused(&s, "declares none");
	s.sched = &(const struct kt_sched_decl[]){ { "boot", "x", NULL }, { 0 } }[0];
	assert_int_equal(kt_scenario_validate(&s, &diag), 0);
}

/* A record whose only op is a freeze of that length. */
static struct kt_scenario freezing(struct kt_op op[2], struct kt_step steps[2], uint64_t ns)
{
	struct kt_scenario s = *kt_scenario_find("zebra");

	memcpy(op, (const struct kt_op[]){ KT_OP_FREEZE(ns), { 0 } }, 2 * sizeof(*op));
	memcpy(steps, (const struct kt_step[]){ { "s", op, 0 }, { 0 } }, 2 * sizeof(*steps));
	s.steps = steps;
	return s;
}

static void test_freezes(void **state)
{
	struct kt_op op[2];
	struct kt_step steps[2];
	struct kt_scenario s;

	s = freezing(op, steps, KT_MS(1));
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	s = freezing(op, steps, KT_SEC(60));
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	assert_int_equal(kt_scenario_freeze_ns(&s), KT_SEC(60));
	assert_int_equal(kt_scenario_freeze_ns(kt_scenario_find("aardvark")), 0);
	s = freezing(op, steps, KT_MS(1) - 1);
	refused(&s, "from 1 ms to 60 s");
	s = freezing(op, steps, KT_SEC(60) + 1);
	refused(&s, ".pause_ns = 60000000001");
	assert_string_equal(kt_op_kind_name(KT_OP_KIND_FREEZE), "freeze");
}

/* Holds by part of a duration, and ops that are repeated. */
static void test_holds(void **state)
{
	const struct kt_op freeze[] = { KT_OP_FREEZE(KT_MS(2)), { 0 } };
	struct kt_step steps[] = { { "s", freeze, 0, 50, KT_MS(100) }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");

	s.steps = steps;
	s.duration = KT_SEC(2);
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	assert_int_equal(kt_scenario_hold_ns(&s), KT_SEC(1));
	assert_int_equal(kt_scenario_rounds(&s, steps), 10);
	assert_int_equal(kt_scenario_freeze_ns(&s), KT_MS(20));
	steps[0].every = KT_MS(300);
	assert_int_equal(kt_scenario_rounds(&s, steps), 4);
	steps[0].every = KT_SEC(1);
	assert_int_equal(kt_scenario_rounds(&s, steps), 1);
	steps[0].every = KT_SEC(1) / 1001;
	refused(&s, "1000 times");
	steps[0].every = KT_MS(1) - 1;
	refused(&s, "once per ms");
	steps[0].every = KT_MS(100);
	steps[0].hold = 1;
	refused(&s, "both .hold and .hold_percent");
	steps[0].hold = 0;
	steps[0].hold_percent = 101;
	refused(&s, "more than 100 %");
	steps[0].hold_percent = 0;
	refused(&s, "no ops or no hold");
	steps[0].hold_percent = 50;
	steps[0].ops = NULL;
	refused(&s, "no ops or no hold");
	steps[0].ops = freeze;
	s.duration = 0;
	refused(&s, "no .duration");
	s.duration = KT_SEC(7202);
	refused(&s, "an hour");
}

KT_WORKLOAD(nothing, "of this test")
{
}

/* One more than there may be of each is refused, and the most there may be is not. */
static void test_counts_are_bounded(void **state)
{
	struct kt_sched_decl scheds[KT_SCHEDS_MAX + 2] = { { 0 } };
	struct kt_workers workers[KT_WORKERS_MAX + 2] = { { 0 } };
	struct kt_step steps[KT_STEPS_MAX + 2] = { { 0 } };
	struct kt_op ops[KT_OPS_MAX + 2] = { { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");
	char names[KT_STEPS_MAX + 1][8];

	for (unsigned int i = 0; i <= KT_STEPS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		steps[i] = (struct kt_step){ names[i], NULL, 1 };
	}
	for (unsigned int i = 0; i <= KT_SCHEDS_MAX; i++)
		scheds[i] = (struct kt_sched_decl){ names[i], "x" };
	for (unsigned int i = 0; i <= KT_WORKERS_MAX; i++)
		workers[i] = (struct kt_workers){ names[i], "nothing" };
	for (unsigned int i = 0; i <= KT_OPS_MAX; i++)
		ops[i] = (struct kt_op)KT_OP_FREEZE(KT_MS(1));
	s.steps = steps;
	refused(&s, "more than 256 steps");
	steps[KT_STEPS_MAX].name = NULL;
	s.staged = scheds;
	refused(&s, "17 schedulers; the most is 16");
	scheds[KT_SCHEDS_MAX].name = NULL;
	s.workers = workers;
	refused(&s, "'n64' are one kind too many");
	workers[KT_WORKERS_MAX].name = NULL;
	steps[0].ops = ops;
	refused(&s, "more than 64 ops");
	ops[KT_OPS_MAX].kind = 0;
	s.snapshots = KT_SNAPSHOTS_MAX + 1;
	refused(&s, "1001 snapshots; the most is 1000");
	s.snapshots = KT_SNAPSHOTS_MAX;
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
}

static void test_names_are_bounded(void **state)
{
	char name[KT_NAME_MAX + 1], path[KT_CGROUP_PATH_MAX + 1];

	memset(name, 'a', sizeof(name));
	memset(path, 'a', sizeof(path));
	name[KT_NAME_MAX] = path[KT_CGROUP_PATH_MAX] = 0;
	assert_false(kt_scenario_is_name(name));
	assert_true(kt_scenario_is_name(name + 1));
	assert_false(kt_cgroup_is_name(path));
	assert_true(kt_cgroup_is_name(path + 1));
}

static void test_workers(void **state)
{
	struct kt_workers list[] = { { "a", "nothing", 256, "x/y_1" }, { "b", "nothing" }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");

	s.workers = list;
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	assert_ptr_equal(kt_scenario_workers(&s, "b"), &list[1]);
	assert_null(kt_scenario_workers(&s, "c"));
	list[0].count = 257;
	refused(&s, "workers 'a' are more than there can be");
	list[0].count = 0;
	list[1].name = "a";
	refused(&s, "'a' are declared twice");
	list[1].name = "B";
	refused(&s, "'B' is not a name");
	list[1].name = "b";
	list[1].workload = "nobody";
	refused(&s, "workers 'b' have a workload that there is not");
	list[1].workload = NULL;
	refused(&s, "workers 'b' have a workload that there is not");
	list[1].workload = "nothing";
	list[1].cgroup = "../x";
	refused(&s, "name a malformed cgroup");
}

static void test_group_ops(void **state)
{
	static const struct {
		struct kt_op op;
		const char *word; /* NULL: it is good */
	} cases[] = {
		{ KT_OP_CGROUP_ADD("a/b/c_9"), NULL },
		{ KT_OP_CGROUP_ADD(""), "malformed cgroup: ''" },
		{ KT_OP_CGROUP_ADD("/a"), "malformed cgroup: '/a'" },
		{ KT_OP_CGROUP_ADD("a/"), "malformed cgroup" },
		{ KT_OP_CGROUP_ADD("a//b"), "malformed cgroup" },
		{ KT_OP_CGROUP_ADD(".."), "malformed cgroup" },
		{ KT_OP_CGROUP_ADD(NULL), "malformed cgroup" },
		{ KT_OP_CPUSET_SWAP("a", "B"), "malformed cgroup: 'B'" },
		{ KT_OP_WEIGHT("a", 10000), NULL },
		{ KT_OP_WEIGHT("a", 0), "from 1 to 10000" },
		{ KT_OP_WEIGHT("a", 10001), "op weight is given .value = 10001" },
		{ KT_OP_CPU_MAX("a", 0, KT_MS(1)), NULL },
		{ KT_OP_CPU_MAX("a", KT_SEC(4), KT_SEC(1)), NULL },
		{ KT_OP_CPU_MAX("a", 0, KT_SEC(1) + 1),
		  ".more = 1000000001; it takes from 1 ms to 1 s" },
		{ KT_OP_CPU_MAX("a", 1, KT_SEC(1)), "takes 0, or from 1 ms" },
		{ KT_OP_CPU_OFFLINE(255), NULL },
		{ KT_OP_CPU_OFFLINE(256), "from 0 to 255" },
		{ KT_OP_START("w"), NULL },
		{ KT_OP_START("v"), "does not declare: 'v'" },
		{ KT_OP_START(NULL), "does not declare: ''" },
		{ KT_OP_MOVE("w", "a b"), "malformed cgroup: 'a b'" },
		{ KT_OP_NICE("w", -20), NULL },
		{ KT_OP_NICE("w", 20), "from -20 to 19" },
	};
	const struct kt_workers workers[] = { { "w", "nothing" }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");
	struct kt_op ops[2] = { { 0 } };
	const struct kt_step steps[] = { { "s", ops, 1 }, { 0 } };

	s.steps = steps;
	s.workers = workers;
	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		ops[0] = cases[i].op;
		if (cases[i].word)
			refused(&s, cases[i].word);
		else
			assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	}
}

static void test_programs(void **state)
{
	struct kt_program_decl list[KT_PROGRAMS_MAX + 2] = { { "a", "sh", NULL, "x/y_1" },
							     { "b", "/bin/sh" } };
	char names[KT_PROGRAMS_MAX + 1][8];
	struct kt_scenario s = *kt_scenario_find("zebra");

	s.programs = list;
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	assert_ptr_equal(kt_program_find(list, "b"), &list[1]);
	assert_null(kt_program_find(list, "c"));
	assert_null(kt_program_find(NULL, "a"));
	list[1].name = "a";
	refused(&s, "'a' is declared twice");
	list[1].name = "../b";
	refused(&s, "'../b' is not a name");
	list[1].name = "b";
	list[1].binary = NULL;
	refused(&s, "'b' has no .binary");
	list[1].binary = "";
	refused(&s, "'b' has no .binary");
	list[1].binary = "x";
	list[0].cgroup = "../x";
	refused(&s, "'a' names a malformed cgroup");
	list[0].cgroup = NULL;
	for (unsigned int i = 0; i <= KT_PROGRAMS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "p%u", i);
		list[i] = (struct kt_program_decl){ names[i], "x" };
	}
	refused(&s, "'p16' is one too many");
	list[KT_PROGRAMS_MAX].name = NULL;
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
}

static void test_program_ops(void **state)
{
	static const struct {
		struct kt_op op;
		const char *word; /* NULL: it is good */
	} cases[] = {
		{ KT_OP_RUN("p"), NULL },
		{ KT_OP_RUN("p", .value = 255, .timeout_ns = KT_SEC(3600)), NULL },
		{ KT_OP_RUN("p", .value = 256), "from 0 to 255" },
		{ KT_OP_RUN("p", .value = -1), "op run is given .value = -1" },
		{ KT_OP_RUN("p", .timeout_ns = KT_SEC(3600) + 1),
		  "op run is given .timeout_ns = 3600000000001" },
		{ KT_OP_RUN("q"),
		  "op run names a program that the scenario does not declare: 'q'" },
		{ KT_OP_RUN(NULL), "does not declare: ''" },
		{ KT_OP_SPAWN("p"), NULL },
		{ KT_OP_SPAWN("q"), "op spawn names a program" },
		{ KT_OP_SPAWN("p", .value = 1), "op spawn is given .value, which it does not" },
		{ KT_OP_WAIT("p", .value = 1), NULL },
		{ KT_OP_WAIT("w"), "op wait names a program" },
		{ KT_OP_WAIT("p", .value = 256), "from 0 to 255" },
		{ KT_OP_KILL_PROGRAM("p", 9), NULL },
		{ KT_OP_KILL_PROGRAM("p", 0), "from 1 to 64" },
		{ KT_OP_KILL_PROGRAM("p", 65), "op kill-program is given .value = 65" },
		{ KT_OP_KILL_PROGRAM("q", 9), "op kill-program names a program" },
	};
	const struct kt_program_decl programs[] = { { "p", "x" }, { 0 } };
	const struct kt_workers workers[] = { { "w", "nothing" }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");
	struct kt_op ops[2] = { { 0 } };
	const struct kt_step steps[] = { { "s", ops, KT_MS(2), 0, KT_MS(1) }, { 0 } };

	s.steps = steps;
	s.workers = workers;
	s.programs = programs;
	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		ops[0] = cases[i].op;
		if (cases[i].word)
			refused(&s, cases[i].word);
		else
			assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	}
	/* What is to take its time is given it, each time. */
	assert_int_equal(kt_scenario_programs_ns(&s), 0);
	ops[0] = (struct kt_op)KT_OP_WAIT("p", .timeout_ns = KT_SEC(200));
	assert_int_equal(kt_scenario_programs_ns(&s), KT_SEC(400));
}

static void test_expectations(void **state)
{
	struct kt_op ops[] = { KT_OP_RESTART(), { 0 } };
	const struct kt_step steps[] = { { "s", ops, 1 }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("aardvark");

	s.steps = steps;
	for (unsigned int i = 0; i <= KT_OP_ERROR_COUNT_; i++) {
		ops[0].expect = i;
		if (i == KT_OP_INTERNAL || i == KT_OP_FREEZE_FAILED || i == KT_OP_ERROR_COUNT_)
			refused(&s, "an error that a scheduler can cause");
		else
			assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	}
	ops[0] = (struct kt_op)KT_OP_REPLACE("nobody");
	refused(&s, "does not stage: 'nobody'");
	ops[0] = (struct kt_op)KT_OP_KILL();
	s.expect_death = KT_DEATH(KT_SCX_ERROR, .regex = "a.*b");
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	s.expect_death = KT_DEATH(KT_SCX_ERROR, .regex = "a(b");
	refused(&s, "'a(b' is not a regular expression");
	s.expect_death = KT_DEATH(KT_SCX_NONE);
	refused(&s, "of unknown kind 0");
	s.expect_death = KT_DEATH(7);
	refused(&s, "of unknown kind 7");
	s.expect_death = KT_DEATH(KT_SCX_SYSRQ);
	s.staged = NULL;
	refused(&s, "declares no scheduler");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sorted),
		cmocka_unit_test(test_declared_schedulers),
		cmocka_unit_test(test_hash_covers_every_field),
		cmocka_unit_test(test_hash_covers_modules_in_order),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_counts_are_bounded),
		cmocka_unit_test(test_names_are_bounded),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_group_ops),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_program_ops),
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_snapshot_positions),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_freezes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
