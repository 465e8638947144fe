/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples: lists of levels, percentiles, tiers, break points; values by hand. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "measure/samples.h"
#include "tests/unit/test.h"

/* ---- levels ---- */

TEST(test_levels_in_the_order_given)
{
	struct kt_levels l;

	assert_int_equal(kt_levels_parse(&l, "4,1,256", NULL), 0);
	assert_int_equal(l.count, 3);
	assert_int_equal(l.list[0], 4);
	assert_int_equal(l.list[1], 1);
	assert_int_equal(l.list[2], 256);
	assert_true(kt_levels_have(&l, 256));
	assert_false(kt_levels_have(&l, 2));
	assert_int_equal(kt_levels_parse(&l, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", NULL), 0);
	assert_int_equal(l.count, 16);
}

TEST(test_levels_are_strict)
{
	static const struct {
		const char *text, *named;
	} bad[] = {
		{ "", "'' in ''" },
		{ "0", "'0' in '0'" },
		{ "1,0,2", "'0' in '1,0,2'" },
		{ "1,x", "'x' in '1,x'" },
		{ "1,2x", "'2x'" },
		{ "1,", "'' in '1,'" },
		{ ",1", "'' in ',1'" },
		{ "1,,2", "''" },
		{ "1,2,1", "1 is in '1,2,1' twice" },
		{ "257", "'257'" },
		{ "4294967297", "'4294967297'" },
		{ "99999999999999999999", "'99999999999999999999'" },
		{ "-1", "'-1'" },
		{ "+1", "'+1'" },
		{ " 1", "' 1'" },
		{ "1 ", "'1 '" },
		{ "01", "'01'" },
		{ "1.5", "'1.5'" },
		{ "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16" },
	};
	struct kt_levels l = { .count = 77 };

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_levels_parse(&l, bad[i].text, &diag), KT_LEVELS_E_FORM);
		if (!strstr(diag.cause, bad[i].named))
			fail_msg("'%s': %s", bad[i].text, diag.cause);
	}
	assert_int_equal(l.count, 77);
}

/* ---- percentiles ---- */

TEST(test_nearest_rank)
{
	static const double one[] = { 7 }, five[] = { 15, 20, 35, 40, 50 };
	double ten[10], hundred[100];

	for (unsigned int p = 0; p <= 100; p++)
		assert_true(kt_percentile(one, 1, p) == 7);
	/* Ranks ceil(0.05 * 5) = 1, ceil(0.3 * 5) = 2, 2, 3, 5. */
	assert_true(kt_percentile(five, 5, 5) == 15);
	assert_true(kt_percentile(five, 5, 30) == 20);
	assert_true(kt_percentile(five, 5, 40) == 20);
	assert_true(kt_percentile(five, 5, 50) == 35);
	assert_true(kt_percentile(five, 5, 100) == 50);
	for (int i = 0; i < 10; i++)
		ten[i] = i + 1;
	assert_true(kt_percentile(ten, 10, 50) == 5);
	assert_true(kt_percentile(ten, 10, 90) == 9);
	assert_true(kt_percentile(ten, 10, 91) == 10);
	assert_true(kt_percentile(ten, 10, 95) == 10);
	for (int i = 0; i < 100; i++)
		hundred[i] = i + 1;
	assert_true(kt_percentile(hundred, 100, 95) == 95);
	assert_true(kt_percentile(hundred, 100, 99) == 99);
}

TEST(test_tiers_at_their_borders)
{
	static const struct {
		size_t n;
		const char *name;
	} want[] = {
		{ 0, "missing" },
		{ 1, "smoke_only" },
		{ 2, "smoke_only" },
		{ 3, "superfast_iteration" },
		{ 4, "superfast_iteration" },
		{ 5, "fast_iteration" },
		{ 9, "fast_iteration" },
		{ 10, "baseline_checkpoint" },
		{ 29, "baseline_checkpoint" },
		{ 30, "p50_p90_decision_grade" },
		{ 99, "p50_p90_decision_grade" },
		{ 100, "p95_decision_grade" },
		{ 499, "p95_decision_grade" },
		{ 500, "p99_decision_grade" },
		{ 1000000, "p99_decision_grade" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(want); i++)
		assert_string_equal(kt_tier_name(kt_tier_of(want[i].n)), want[i].name);
}

TEST(test_what_a_tier_supports)
{
	assert_false(kt_tier_supports(kt_tier_of(29), 50));
	assert_true(kt_tier_supports(kt_tier_of(30), 50));
	assert_true(kt_tier_supports(kt_tier_of(30), 90));
	assert_false(kt_tier_supports(kt_tier_of(99), 95));
	assert_true(kt_tier_supports(kt_tier_of(100), 95));
	assert_false(kt_tier_supports(kt_tier_of(499), 99));
	assert_true(kt_tier_supports(kt_tier_of(500), 99));
}

/* ---- samples ---- */

static struct kt_sample_series like(unsigned int level)
{
	struct kt_sample_series s = { .metric = "round",
				      .tags = { .surface = "slots", .level = level } };

	return s;
}

static void add(struct kt_samples *samples, unsigned int level, double value)
{
	struct kt_sample_series s = like(level);

	assert_int_equal(kt_samples_add(samples, &s, value), 0);
}

/* Twenty samples with a given p95: its rank is 19 of 20. */
static void add_level(struct kt_samples *samples, unsigned int level, double p95)
{
	for (int i = 0; i < 18; i++)
		add(samples, level, p95 / 2);
	add(samples, level, 100 * p95);
	add(samples, level, p95);
}

TEST(test_summary)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	struct kt_summary s;

	assert_int_equal(kt_summarise(&s, NULL), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.tier, KT_TIER_MISSING);
	add_level(&samples, 1, 10);
	assert_int_equal(kt_summarise(&s, kt_samples_find(&samples, "round", "slots", 1)), 0);
	assert_int_equal(s.n, 20);
	assert_true(s.min == 5 && s.p50 == 5 && s.p90 == 5 && s.p95 == 10);
	assert_true(s.p99 == 1000 && s.max == 1000);
	assert_int_equal(s.tier, KT_TIER_BASELINE_CHECKPOINT);
}

TEST(test_samples_form_series)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	struct kt_sample_series other = like(1);

	add(&samples, 1, 1);
	add(&samples, 2, 2);
	add(&samples, 1, 3);
	strcpy(other.tags.output, "looked at");
	assert_int_equal(kt_samples_add(&samples, &other, 4), 0);
	assert_int_equal(samples.series_count, 3);
	assert_int_equal(samples.sample_count, 4);
	assert_int_equal(samples.series[0].count, 2);
	assert_true(samples.series[0].values[1] == 3);
	assert_int_equal(kt_samples_add(&samples, &other, NAN), -EINVAL);
	assert_int_equal(kt_samples_add(&samples, &other, INFINITY), -EINVAL);
	assert_null(kt_samples_find(&samples, "round", "machines", 1));
	assert_null(kt_samples_find(&samples, "round", "slots", 3));
	for (unsigned int i = 0; i < KT_SERIES_MAX - 3; i++)
		add(&samples, 100 + i, 1);
	other.tags.level = 99;
	assert_int_equal(kt_samples_add(&samples, &other, 1), KT_SAMPLES_E_FULL);
	assert_int_equal(samples.series_count, KT_SERIES_MAX);
}

TEST(test_baselines)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	struct kt_sample_series alone = { .metric = "alone", .tags = { .level = 4 } };

	add_level(&samples, 2, 30);
	add_level(&samples, 1, 10);
	assert_int_equal(kt_samples_add(&samples, &alone, 1), 0);
	kt_samples_set_baselines(&samples);
	for (int i = 0; i < 2; i++) {
		assert_true(samples.series[i].tags.has_baseline);
		assert_true(samples.series[i].tags.baseline_p95 == 10);
		assert_true(samples.series[i].tags.threshold_p95 == 20);
	}
	assert_false(samples.series[2].tags.has_baseline);
}

TEST(test_traces)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	double values[KT_TRACE_MAX + 1] = { 1, 2 };
	char text[KT_TEXT_MAX + 1];
	struct kt_trace t = { .name = "round", .values = values, .count = 2 };

	assert_int_equal(kt_samples_trace(&samples, &t), 0);
	values[1] = 3;
	assert_true(samples.traces[0].values[1] == 2);
	t.count = KT_TRACE_MAX + 1;
	assert_int_equal(kt_samples_trace(&samples, &t), KT_SAMPLES_E_FULL);
	t.count = 1;
	memset(text, 'x', sizeof(text));
	text[KT_TEXT_MAX] = 0;
	t.text = text;
	assert_int_equal(kt_samples_trace(&samples, &t), KT_SAMPLES_E_FULL);
	text[KT_TEXT_MAX - 1] = 0;
	assert_int_equal(kt_samples_trace(&samples, &t), 0);
	values[0] = NAN;
	assert_int_equal(kt_samples_trace(&samples, &t), -EINVAL);
	assert_int_equal(samples.trace_count, 2);
	assert_string_equal(samples.traces[1].text, text);
}

/* ---- break points ---- */

/* The point of levels whose p95 are given, in the order of the list. */
static int break_point(struct kt_break_point *ret, const char *levels, const double *p95)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	struct kt_levels l;

	assert_int_equal(kt_levels_parse(&l, levels, NULL), 0);
	for (unsigned int i = 0; i < l.count; i++)
		if (p95[i] > 0)
			add_level(&samples, l.list[i], p95[i]);
	return kt_break_point(ret, &samples, "round", "slots", &l);
}

TEST(test_break_points)
{
	static const struct {
		const char *levels;
		double p95[4];
		unsigned int level, first_failing;
	} cases[] = {
		{ "1", { 10 }, 1, 0 },
		{ "1,2", { 10, 21 }, 1, 2 },
		{ "1,2,4,8", { 10, 12, 20, 24 }, 4, 8 }, /* exactly twice is within */
		{ "1,2,4,8", { 10, 11, 12, 13 }, 8, 0 },
		{ "1,2,4,8", { 10, 25, 15, 40 }, 4, 2 }, /* one that fails below one that holds */
		{ "8,4,1,2", { 40, 15, 10, 25 }, 4, 8 }, /* the first of those given */
	};
	struct kt_break_point p;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(break_point(&p, cases[i].levels, cases[i].p95), 0);
		assert_int_equal(p.level, cases[i].level);
		assert_int_equal(p.first_failing, cases[i].first_failing);
		assert_true(p.baseline_p95 == 10 && p.threshold_p95 == 20);
		assert_int_equal(p.tier, KT_TIER_BASELINE_CHECKPOINT);
	}
}

TEST(test_no_break_point)
{
	struct kt_break_point p;

	assert_int_equal(break_point(&p, "2,4", (double[]){ 10, 11 }), KT_BREAK_POINT_E_BASELINE);
	assert_int_equal(break_point(&p, "1,2", (double[]){ 10, 0 }), KT_BREAK_POINT_E_MISSING);
	assert_int_equal(break_point(&p, "1,2", (double[]){ 0, 10 }), KT_BREAK_POINT_E_MISSING);
}

TEST(test_break_point_is_as_good_as_its_weakest_level)
{
	_cleanup_(kt_samples_deinit) struct kt_samples samples = KT_SAMPLES_INIT;
	struct kt_levels l = { { 1, 2 }, 2 };
	struct kt_break_point p;

	add_level(&samples, 1, 10);
	add(&samples, 2, 10);
	assert_int_equal(kt_break_point(&p, &samples, "round", "slots", &l), 0);
	assert_int_equal(p.tier, KT_TIER_SMOKE_ONLY);
}
