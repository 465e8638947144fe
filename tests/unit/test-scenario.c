/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario table, its rules and its positions on the hold-time axis. */
#include <sched.h>
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

TEST(test_table_is_sorted)
{
	unsigned int n;
	const struct kt_scenario *const *t = kt_scenario_table(&n);

	assert_int_equal(n, 2);
	assert_string_equal(t[0]->name, "aardvark");
	assert_string_equal(t[1]->name, "zebra");
	assert_ptr_equal(kt_scenario_find("zebra"), t[1]);
	assert_null(kt_scenario_find("zebr"));
	assert_true(t[0]->line > 0);
	assert_contains(t[0]->file, "test-scenario.c");
}

TEST(test_declared_schedulers)
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
	int change; /* number of fields that are filled before the field with another value */
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
TEST(test_hash_covers_every_field)
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

TEST(test_hash_covers_modules_in_order)
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

TEST(test_snapshot_positions)
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
	assert_contains(kt_diag_format(&diag, text, sizeof(text)), word);
}

TEST(test_rules)
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
	char cmdline[KT_CMDLINE_MAX + 1];

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
	REFUSED(cmdline, "a=b console=ttyS1", ".cmdline has 'console', which ktest sets");
	REFUSED(cmdline, "console", "has 'console'");
	REFUSED(cmdline, "init=/x", "has 'init'");
	REFUSED(cmdline, " rdinit=/x", "has 'rdinit'");
	REFUSED(cmdline, "a \"panic=1\"", "has 'panic'");
	REFUSED(cmdline, "ktest_time=host", "has 'ktest_time'");
	REFUSED(cmdline, "ktest", "leave out console=");
	REFUSED(cmdline, "a\tb", "not printable ASCII");
	REFUSED(cmdline, "a\nb", "not printable ASCII");
	REFUSED(cmdline, "\xc3\xbc", "not printable ASCII");
	memset(cmdline, 'a', sizeof(cmdline));
	cmdline[KT_CMDLINE_MAX] = 0;
	REFUSED(cmdline, cmdline, ".cmdline has 512 bytes; the most is 511");
	s.cmdline = cmdline + 1;
	assert_int_equal(kt_scenario_validate(&s, &diag), 0);
	s.cmdline = "nohz_full=1 isolcpus=2 initcall_debug panic_on_oops=1 a.init=1 b=\"c d\"";
	assert_int_equal(kt_scenario_validate(&s, &diag), 0);
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

TEST(test_freezes)
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
TEST(test_holds)
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
TEST(test_counts_are_bounded)
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

TEST(test_names_are_bounded)
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

TEST(test_workers)
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
	list[1].workload = "nothin";
	refused(&s, "workers 'b': no workload 'nothin'; there are: nothing");
	list[1].workload = NULL;
	refused(&s, "workers 'b': no workload ''; there are: nothing");
	list[1].workload = "nothing";
	list[1].cgroup = "../x";
	refused(&s, "name a malformed cgroup");
}

TEST(test_start_of_workers)
{
	static const struct {
		struct kt_workers workers;
		const char *word; /* NULL: it is good */
	} cases[] = {
		{ KT_WORKERS_ITEM("w", .nice = -20), NULL },
		{ KT_WORKERS_ITEM("w", .nice = 19), NULL },
		{ KT_WORKERS_ITEM("w", .nice = 20),
		  "workers 'w' have .nice = 20; nice values are" },
		{ KT_WORKERS_ITEM("w", .nice = -21), ".nice = -21" },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_FIFO, .priority = 1), NULL },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_RR, .priority = 99), NULL },
		{ KT_WORKERS_ITEM("w", .policy = 7), NULL },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_IDLE), NULL },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_FIFO), "need a priority from 1 to 99" },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_RR, .priority = 100), "from 1 to 99" },
		{ KT_WORKERS_ITEM("w", .policy = SCHED_BATCH, .priority = 1), "only SCHED_FIFO" },
		{ KT_WORKERS_ITEM("w", .priority = 1), ".policy = 0 and .priority = 1" },
		{ KT_WORKERS_ITEM("w", .policy = 6), "the policies are SCHED_OTHER" },
		{ KT_WORKERS_ITEM("w", .policy = -1), ".policy = -1" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LIST("0,7")), NULL },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LLC(3)), NULL },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LLC(4)),
		  "workers 'w' name LLC 4; topology 2n4l2c1t has LLCs 0 to 3" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_NODE(2)),
		  "name node 2; topology 2n4l2c1t has nodes 0 to 1" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LIST("7-8")),
		  "name CPUs '7-8'; topology 2n4l2c1t has CPUs 0 to 7" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LIST("")), "CPUs '', which is no CPU" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_LIST("x")), "'x', which is malformed" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_PERCENT(101)), "101 % of the CPUs, which" },
		{ KT_WORKERS_ITEM("w", .cpus = KT_CPUS_PART(2, 2)), "part 2 of 2 of the CPUs" },
		{ KT_WORKERS_ITEM("w", .cpus = { KT_CPUS_KIND_COUNT_ }), "of unknown kind" },
	};
	struct kt_workers list[2] = { { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");

	s.topo = "2n4l2c1t";
	s.workers = list;
	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		list[0] = cases[i].workers;
		list[0].workload = "nothing";
		if (cases[i].word)
			refused(&s, cases[i].word);
		else
			assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	}
}

TEST(test_group_ops)
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
		{ KT_OP_CPU_OFFLINE(1), NULL },
		{ KT_OP_CPU_OFFLINE(2),
		  "op cpu-offline names CPUs '2'; topology 1n2l1c1t has CPUs 0" },
		{ KT_OP_CPU_ONLINE(2), "op cpu-online names CPUs '2'" },
		{ KT_OP_CPU_ONLINE(2, .expect = KT_OP_NO_CPU), NULL },
		{ KT_OP_CPUSET("a", KT_CPUS_LLC(1)), NULL },
		{ KT_OP_CPUSET("a", KT_CPUS_LLC(2)),
		  "op cpuset names LLC 2; topology 1n2l1c1t has LLCs 0 to 1" },
		{ KT_OP_CPUSET("a", KT_CPUS_LLC(2), .expect = KT_OP_NO_CPU), NULL },
		{ KT_OP_CPUSET("a", KT_CPUS_NODE(1)), "node 1; topology 1n2l1c1t has node 0" },
		{ KT_OP_CPUSET("a", KT_CPUS_LIST("")), "op cpuset names CPUs '', which is no CPU" },
		{ KT_OP_AFFINITY("w", KT_CPUS_LIST("0-2")),
		  "op affinity names CPUs '0-2'; topology 1n2l1c1t has CPUs 0 to 1" },
		{ KT_OP_POLICY("w", SCHED_FIFO, 1), NULL },
		{ KT_OP_POLICY("w", SCHED_FIFO, 0), "op policy: SCHED_FIFO and SCHED_RR need" },
		{ KT_OP_POLICY("w", 99, 0), "op policy: the policies are" },
		{ KT_OP_POLICY("w", 99, 0, .expect = KT_OP_REFUSED), NULL },
		{ KT_OP_CORE_COOKIE("w"), "op core-cookie: the topology has one thread per core" },
		{ KT_OP_CORE_COOKIE("w", .expect = KT_OP_REFUSED), NULL },
		{ KT_OP_CPU_OFFLINE(256), "from 0 to 255" },
		{ KT_OP_START("w"), NULL },
		{ KT_OP_START("v"), "does not declare: 'v'; there are: w, w2; declare others in" },
		{ KT_OP_START(NULL), "does not declare: ''" },
		{ KT_OP_MOVE("w", "a b"), "malformed cgroup: 'a b'" },
		{ KT_OP_NICE("w", -20), NULL },
		{ KT_OP_NICE("w", 20), "from -20 to 19" },
		{ KT_OP_PAUSE("w"), NULL },
		{ KT_OP_PAUSE("v"), "op pause names workers" },
		{ KT_OP_CONTINUE("v"), "op continue names workers" },
		{ KT_OP_CORE_COOKIE("v"), "op core-cookie names workers" },
		{ KT_OP_SUBTREE_CONTROL("a", "+cpu -cpuset"), NULL },
		{ KT_OP_SUBTREE_CONTROL("A", "+cpu"), "malformed cgroup: 'A'" },
		{ KT_OP_SUBTREE_CONTROL("a", NULL), "malformed controllers: ''" },
		{ KT_OP_SUBTREE_CONTROL("a", "cpu"), "malformed controllers: 'cpu'" },
		{ KT_OP_SUBTREE_CONTROL("a", "+cpu "), "malformed controllers" },
		{ KT_OP_SUBTREE_CONTROL("a", "+cpu  -io"), "malformed controllers" },
		{ KT_OP_SUBTREE_CONTROL("a", "+"), "malformed controllers" },
		{ KT_OP_SUBTREE_CONTROL("a", "+CPU"), "malformed controllers" },
		{ KT_OP_SYSCTL("kernel.sched_rt_runtime_us", "950000"), NULL },
		{ KT_OP_SYSCTL("kernel/sched_rt_runtime_us", "-1"), NULL },
		{ KT_OP_SYSCTL("kernel..x", "1"), "malformed file: 'kernel..x'" },
		{ KT_OP_SYSCTL("../x", "1"), "malformed file" },
		{ KT_OP_SYSCTL("/x", "1"), "malformed file" },
		{ KT_OP_SYSCTL("x/", "1"), "malformed file" },
		{ KT_OP_SYSCTL("a b", "1"), "malformed file" },
		{ KT_OP_SYSCTL("", "1"), "malformed file" },
		{ KT_OP_SYSCTL("x", ""), "malformed text: ''" },
		{ KT_OP_SYSCTL("x", NULL), "malformed text: ''" },
		{ KT_OP_SYSCTL("x", "1\n2"), "malformed text" },
		{ KT_OP_SYSCTL("x", "\xc3\xbc"), "malformed text" },
		{ KT_OP_SCHED_DEBUG("features", "NO_HRTICK"), NULL },
		{ KT_OP_SCHED_DEBUG("numa_balancing/scan_size_mb", "1"), NULL },
		{ KT_OP_SCHED_DEBUG("../x", "1"), "op sched-debug names a malformed file: '../x'" },
	};
	const struct kt_workers workers[] = { { "w", "nothing" }, { "w2", "nothing" }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");
	struct kt_op ops[2] = { { 0 } };
	const struct kt_step steps[] = { { "s", ops, 1 }, { 0 } };

	s.topo = "1n2l1c1t";
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

/* The longest name and text that an op may have, and one byte more. */
TEST(test_texts_of_ops_are_bounded)
{
	char file[KT_OP_FILE_MAX + 1], text[KT_OP_TEXT_MAX + 1];
	struct kt_op ops[2] = { KT_OP_SYSCTL(file, "1"), { 0 } };
	const struct kt_step steps[] = { { "s", ops, 1 }, { 0 } };
	struct kt_scenario s = *kt_scenario_find("zebra");

	memset(file, 'a', sizeof(file));
	memset(text, 'a', sizeof(text));
	file[KT_OP_FILE_MAX] = text[KT_OP_TEXT_MAX] = 0;
	s.steps = steps;
	refused(&s, "malformed file");
	ops[0].tunable = file + 1;
	ops[0].text = text;
	refused(&s, "malformed text");
	ops[0].text = text + 1;
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
}

TEST(test_programs)
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

TEST(test_program_ops)
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
		  "op run names a program that the scenario does not declare: 'q'; there are: p;" },
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

TEST(test_expectations)
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
	refused(&s, "does not declare: 'nobody'; there are: primary; declare others in .sched or");
	ops[0] = (struct kt_op)KT_OP_KILL();
	s.expect_death = KT_DEATH(KT_SCX_ERROR, .regex = "a.*b");
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	s.expect_death = KT_DEATH(KT_SCX_ERROR, .regex = "a(b");
	refused(&s, "'a(b' is not a regular expression");
	s.expect_death = KT_DEATH(KT_SCX_NONE);
	refused(&s, "of unknown kind 0");
	s.expect_death = KT_DEATH(7);
	refused(&s, "of unknown kind 7");
	s.expect_death = KT_DEATH_STATUS(101, .regex = "panicked");
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	s.expect_death = KT_DEATH_SIGNAL(6, .has_status = true);
	refused(&s, "exit status 0 and signal 6");
	s.expect_death = KT_DEATH_STATUS(256);
	refused(&s, "exit status 256");
	s.expect_death = KT_DEATH_SIGNAL(65);
	refused(&s, "signal 65");
	s.expect_death = NULL;
	s.expect_attach = KT_ATTACH_FAILS();
	refused(&s, ".sched declares none");
	s.sched = KT_SCHED("boot", .binary = "x");
	assert_int_equal(kt_scenario_validate(&s, NULL), 0);
	s.expect_attach = KT_ATTACH_FAILS(.error = KT_OP_NO_CPU);
	refused(&s, "cannot end in 'no-such-cpu'");
	s.expect_attach = NULL;
	s.sched = NULL;
	s.expect_death = KT_DEATH(KT_SCX_SYSRQ);
	s.staged = NULL;
	refused(&s, "declares no scheduler");
}
