/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The measuring loops over machines that do as the test says: what is counted,
 * what is not, and that nothing wrong becomes a sample.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pattern.h"
#include "measure/bench/bench.h"
#include "tests/unit/test.h"

static struct kt_measured m;

static void setup(void)
{
	kt_measured_init(&m, KT_MEASURED_DENSITY);
}

static void teardown(void)
{
	kt_measured_deinit(&m);
}

AROUND_EACH(setup, teardown);

struct rig {
	struct kt_bench_layout layouts[16];
	unsigned int opens, closes, rounds, round_of_level;
	unsigned int fail_open, fail_round; /* which one, from 1 */
	int failure;
	unsigned int spoil_round, spoil_command; /* from 1 */
	enum { NO_SPOIL, FLIP, CUT, LONGER, STATUS, SIGNAL, STALE } spoil;
	char seeds[64][24];
	char last_cpu[24];
	unsigned int seed_count;
};

static int rig_open(void *arg, const struct kt_bench_layout *layout, struct kt_diag *diag)
{
	struct rig *rig = arg;

	assert_int_equal(rig->opens, rig->closes);
	rig->layouts[rig->opens++] = *layout;
	rig->round_of_level = 0;
	if (rig->opens == rig->fail_open) {
		kt_diag_cause(diag, "no machine");
		return rig->failure;
	}
	return 0;
}

static void rig_close(void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
}

/* Each seed once: no output can be mistaken for that of another command. */
static void note_seed(struct rig *rig, const char *seed)
{
	for (unsigned int i = 0; i < rig->seed_count; i++)
		assert_string_not_equal(rig->seeds[i], seed);
	if (rig->seed_count < KT_ARRAY_SIZE(rig->seeds))
		strcpy(rig->seeds[rig->seed_count++], seed);
}

static void spoil(struct rig *rig, struct kt_bench_done *done)
{
	switch (rig->spoil) {
	case FLIP:
		done->output.data[done->output.len - 1] ^= 1;
		break;
	case CUT:
		done->output.len--;
		break;
	case LONGER:
		assert_int_equal(kt_buf_append(&done->output, "x", 1), 0);
		break;
	case STATUS:
		done->status = 3 << 8;
		break;
	case SIGNAL:
		done->status = 9;
		break;
	case STALE:
		kt_pattern_fill(done->output.data, done->output.len,
				strtoull(rig->seeds[0], NULL, 10));
		break;
	case NO_SPOIL:
		break;
	}
}

/* Command i of round n takes 1000 n + i; the warm-up takes longest of all. */
static int rig_run(void *arg, const struct kt_bench_command *commands, struct kt_bench_done *done,
		   unsigned int count, struct kt_diag *diag)
{
	struct rig *rig = arg;
	unsigned int round = rig->round_of_level++;

	rig->rounds++;
	if (rig->rounds == rig->fail_round) {
		kt_diag_cause(diag, "it died");
		return rig->failure;
	}
	for (unsigned int i = 0; i < count; i++) {
		size_t len = strtoul(commands[i].bytes, NULL, 10);
		uint8_t data[256];

		note_seed(rig, commands[i].seed);
		strcpy(rig->last_cpu, commands[i].cpu);
		kt_pattern_fill(data, len, strtoull(commands[i].seed, NULL, 10));
		assert_int_equal(kt_buf_append(&done[i].output, data, len), 0);
		done[i].took_ns = round ? 1000 * round + i : 1000000;
		if (rig->rounds == rig->spoil_round && i + 1 == rig->spoil_command)
			spoil(rig, &done[i]);
	}
	return 0;
}

static int rig_memory(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag)
{
	struct rig *rig = arg;
	unsigned int machines = rig->layouts[rig->opens - 1].machines;

	*ret_pss = (struct kt_pss){ .bytes = 100 + 8 * machines, .guest_bytes = 3 * machines };
	return 0;
}

static int rig_start(void *arg, unsigned int count, struct kt_bench_start *starts,
		     struct kt_diag *diag)
{
	struct rig *rig = arg;

	rig->rounds++;
	if (rig->rounds == rig->fail_round)
		return rig->failure;
	for (unsigned int i = 0; i < count; i++)
		starts[i] = (struct kt_bench_start){
			.took_ns = 30 + (i == count / 2 ? 5 : 0),
			.phases = { { { "map", 10 + i }, { "ready", 20 } }, 2 },
		};
	return 0;
}

static int measure(struct rig *rig, enum kt_measured_kind kind, enum kt_bench_axis axis,
		   const char *levels, struct kt_diag *diag)
{
	const struct kt_bench_machines machines = { .arg = rig,
						    .surface = "rig",
						    .open = rig_open,
						    .run = rig_run,
						    .memory = rig_memory,
						    .close = rig_close,
						    .start = rig_start };
	struct kt_bench_request req = {
		.kind = kind, .axis = axis, .repeats = 3, .seed = 42, .output_bytes = 100
	};

	assert_int_equal(kt_levels_parse(&req.levels, levels, NULL), 0);
	kt_measured_deinit(&m);
	kt_measured_init(&m, kind);
	return kt_bench_run(&m, &req, &machines, diag);
}

TEST(test_sample_is_the_slowest_of_a_round)
{
	const struct kt_sample_series *s;
	struct rig rig = { 0 };

	assert_int_equal(measure(&rig, KT_MEASURED_DENSITY, KT_BENCH_SLOTS, "1,4", NULL), 0);
	assert_true(m.complete);
	s = kt_samples_find(&m.samples, "round", "slots, rig", 4);
	assert_int_equal(s->count, 3);
	assert_true(s->values[0] == 1003 && s->values[1] == 2003 && s->values[2] == 3003);
	assert_true(s->tags.warmup_excluded && s->tags.repeats == 3 && s->tags.levels.count == 2);
	/* The third of 1000, 2000, 3000 is the p95 of level 1. */
	assert_true(s->tags.has_baseline && s->tags.threshold_p95 == 6000);
	assert_int_equal(m.samples.series_count, 2);
	assert_int_equal(m.samples.trace_count, 6);
	assert_int_equal(m.samples.traces[5].count, 4);
	assert_int_equal(m.samples.traces[5].repeat, 2);
	assert_true(m.samples.traces[5].values[2] == 3002);
	/* One round more for each level warms up. */
	assert_int_equal(rig.rounds, 8);
	assert_int_equal(rig.opens, 2);
	assert_int_equal(rig.closes, 2);
	assert_int_equal(rig.seed_count, 4 * 1 + 4 * 4);
}

TEST(test_axes)
{
	static const struct {
		enum kt_bench_axis axis;
		struct kt_bench_layout want;
	} cases[] = {
		{ KT_BENCH_SLOTS, { 1, 4, 0 } },
		{ KT_BENCH_MACHINES, { 4, 1, 0 } },
		{ KT_BENCH_VCPUS, { 1, 4, 4 } },
	};
	enum kt_bench_axis axis;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct rig rig = { 0 };

		assert_int_equal(measure(&rig, KT_MEASURED_DENSITY, cases[i].axis, "1,4", NULL), 0);
		assert_memory_equal(&rig.layouts[1], &cases[i].want, sizeof(cases[i].want));
		assert_string_equal(rig.last_cpu, cases[i].axis == KT_BENCH_VCPUS ? "3" : "");
		assert_int_equal(kt_bench_axis_parse(&axis, m.axis), 0);
		assert_int_equal(axis, cases[i].axis);
	}
	assert_int_equal(kt_bench_axis_parse(&axis, "cpus"), KT_BENCH_AXIS_E_NONE);
}

TEST(test_memory_of_clones)
{
	const struct kt_sample_series *s;
	struct rig rig = { 0 };

	assert_int_equal(measure(&rig, KT_MEASURED_DENSITY, KT_BENCH_MACHINES, "1,8", NULL), 0);
	s = kt_samples_find(&m.samples, "pss", "vms, rig", 8);
	assert_int_equal(s->count, 3);
	assert_int_equal(s->kind, KT_SAMPLE_MEMORY);
	assert_true(s->values[0] == 164);
	s = kt_samples_find(&m.samples, "pss.guest", "vms, rig", 8);
	assert_int_equal(s->count, 3);
	assert_true(s->values[0] == 24);
}

TEST(test_wrong_output_is_no_sample)
{
	static const struct {
		int spoil;
		const char *words;
	} cases[] = {
		{ FLIP, "100 bytes, which should be 100, is wrong at 99" },
		{ CUT, "99 bytes, which should be 100, is wrong at 99" },
		{ LONGER, "101 bytes, which should be 100, is wrong at 100" },
		{ STALE, "is wrong at 0" },
		{ STATUS, "it ended with status 3" },
		{ SIGNAL, "it ended with signal 9" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;
		struct rig rig = { .spoil = cases[i].spoil, .spoil_round = 7, .spoil_command = 2 };

		assert_int_equal(measure(&rig, KT_MEASURED_DENSITY, KT_BENCH_SLOTS, "1,2,4", &diag),
				 KT_BENCH_E_WRONG);
		assert_string_equal(diag.doing, "level 2, repeat 1, command 2 of 2");
		if (!strstr(diag.cause, cases[i].words))
			fail_msg("'%s': %s", cases[i].words, diag.cause);
		assert_false(m.complete);
		assert_int_equal(kt_samples_find(&m.samples, "round", "slots, rig", 2)->count, 1);
		assert_null(kt_samples_find(&m.samples, "round", "slots, rig", 4));
		assert_int_equal(rig.opens, rig.closes);
	}
}

TEST(test_warm_up_is_checked_too)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct rig rig = { .spoil = FLIP, .spoil_round = 1, .spoil_command = 1 };

	assert_int_equal(measure(&rig, KT_MEASURED_EXEC, KT_BENCH_SLOTS, "1", &diag),
			 KT_BENCH_E_WRONG);
	assert_string_equal(diag.doing, "level 1, warm-up, command 1 of 1");
	assert_int_equal(m.samples.sample_count, 0);
}

TEST(test_failures_of_machines)
{
	static const int failures[] = { KT_BENCH_E_MACHINE, KT_BENCH_E_CANCELLED, -EMFILE };

	for (size_t i = 0; i < KT_ARRAY_SIZE(failures); i++) {
		struct kt_diag diag = KT_DIAG_INIT;
		struct rig open = { .fail_open = 2, .failure = failures[i] };
		struct rig run = { .fail_round = 4, .failure = failures[i] };
		struct rig start = { .fail_round = 3, .failure = failures[i] };

		assert_int_equal(measure(&open, KT_MEASURED_DENSITY, KT_BENCH_SLOTS, "1,2", &diag),
				 failures[i]);
		assert_string_equal(diag.cause, "no machine");
		assert_int_equal(open.closes, 2);
		assert_int_equal(m.samples.sample_count, 3);
		assert_false(m.complete);
		assert_int_equal(measure(&run, KT_MEASURED_DENSITY, KT_BENCH_SLOTS, "1,2", &diag),
				 failures[i]);
		assert_int_equal(m.samples.sample_count, 2);
		assert_false(m.complete);
		assert_int_equal(measure(&start, KT_MEASURED_BOOT, KT_BENCH_MACHINES, "1,2", &diag),
				 failures[i]);
		assert_int_equal(kt_samples_find(&m.samples, "start", "vms, rig", 1)->count, 1);
		assert_false(m.complete);
	}
}

TEST(test_starts_with_their_phases)
{
	struct rig rig = { 0 };

	assert_int_equal(measure(&rig, KT_MEASURED_RESTORE, KT_BENCH_MACHINES, "1,4", NULL), 0);
	assert_int_equal(rig.rounds, 8);
	assert_int_equal(m.samples.series_count, 6);
	assert_true(kt_samples_find(&m.samples, "start", "vms, rig", 4)->values[2] == 35);
	/* Of the slowest, the third. */
	assert_true(kt_samples_find(&m.samples, "start.map", "vms, rig", 4)->values[0] == 12);
	assert_true(kt_samples_find(&m.samples, "start.ready", "vms, rig", 1)->values[2] == 20);
	assert_int_equal(m.samples.trace_count, 6);
	assert_int_equal(rig.opens, 0);
}
