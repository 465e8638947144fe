/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports as text: what they say, and that they fit. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "measure/show.h"
#include "tests/unit/test.h"

/* Samples of a metric at level 1, 2, 4, ...: count values up to the one given. */
static void add(struct kt_measured *m, const char *metric, enum kt_sample_kind kind,
		unsigned int level, size_t count, double value)
{
	struct kt_sample_series s = { .kind = kind,
				      .tags = { .boundary = "sent to done",
						.surface = "vms, tcg",
						.output = "compared",
						.warmup_excluded = true,
						.level = level,
						.repeats = 1000,
						.levels = m->levels } };

	snprintf(s.metric, sizeof(s.metric), "%s", metric);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(kt_samples_add(&m->samples, &s, value), 0);
}

static void make(struct kt_measured *m)
{
	kt_measured_init(m, KT_MEASURED_DENSITY);
	m->complete = true;
	m->levels = (struct kt_levels){ { 1, 2, 4 }, 3 };
	strcpy(m->axis, "vms");
	strcpy(m->host.cpu, "cpu");
}

static const char *show(struct kt_buf *out, struct kt_measured *m, unsigned int columns, bool utf8)
{
	const struct kt_show_style style = { .columns = columns, .utf8 = utf8 };

	kt_buf_deinit(out);
	kt_samples_set_baselines(&m->samples);
	assert_int_equal(kt_show(out, m, &style), 0);
	return kt_buf_str(out);
}

TEST(test_values)
{
	static const struct {
		enum kt_sample_kind kind;
		double value;
		const char *text;
	} cases[] = {
		{ KT_SAMPLE_DURATION, 0, "0.00 ns" },
		{ KT_SAMPLE_DURATION, 1, "1.00 ns" },
		{ KT_SAMPLE_DURATION, 9.994, "9.99 ns" },
		{ KT_SAMPLE_DURATION, 9.996, "10.0 ns" },
		{ KT_SAMPLE_DURATION, 99.96, "100 ns" },
		{ KT_SAMPLE_DURATION, 999.4, "999 ns" },
		{ KT_SAMPLE_DURATION, 999.6, "1.00 us" },
		{ KT_SAMPLE_DURATION, 1234567, "1.23 ms" },
		{ KT_SAMPLE_DURATION, 12345678901, "12.3 s" },
		{ KT_SAMPLE_DURATION, 9.99e14, "999000 s" },
		{ KT_SAMPLE_DURATION, 1e300, "1.0e+291" },
		{ KT_SAMPLE_MEMORY, 8388608, "8.00 MiB" },
		{ KT_SAMPLE_MEMORY, 1023, "1023 B" },
		{ KT_SAMPLE_MEMORY, -4096, "-4096" },
		{ KT_SAMPLE_COUNT, 12, "12" },
	};
	char buf[24];

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++)
		assert_string_equal(kt_show_value(buf, cases[i].kind, cases[i].value),
				    cases[i].text);
}

TEST(test_marks_what_samples_do_not_support)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	const char *text;

	make(&m);
	add(&m, "round", KT_SAMPLE_DURATION, 1, 500, 1e6);
	add(&m, "round", KT_SAMPLE_DURATION, 2, 100, 1.5e6);
	add(&m, "round", KT_SAMPLE_DURATION, 4, 30, 3e6);
	text = show(&out, &m, 80, false);
	assert_contains(text,
			"    1    500   1.00 ms    1.00 ms    1.00 ms    1.00 ms    1.00 ms ");
	assert_contains(text,
			"    2    100   1.50 ms    1.50 ms    1.50 ms    1.50 ms    1.50 ms?");
	assert_contains(text,
			"    4     30   3.00 ms    3.00 ms    3.00 ms    3.00 ms?   3.00 ms?");
	assert_contains(text, "?: too few samples");
	assert_contains(text, "confidence: 1 p99_decision_grade\n");
	assert_contains(text, "            2 p95_decision_grade\n");
	assert_contains(text, "            4 p50_p90_decision_grade\n");
	assert_contains(text, "break point: 2\n  first failing level: 4\n");
	assert_contains(text, "limit: 2.00 ms (2 x p95 of level 1)");
	assert_null(strstr(text, "CUT SHORT"));
	assert_null(strstr(text, "memory per extra clone"));
}

TEST(test_says_what_there_is_not)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	const char *text;

	make(&m);
	m.complete = false;
	add(&m, "round", KT_SAMPLE_DURATION, 1, 2, 1e6);
	text = show(&out, &m, 80, false);
	assert_contains(text, "CUT SHORT");
	assert_contains(text, "confidence: 1 smoke_only\n            2,4 missing\n");
	assert_contains(text, "break point: a level has no samples");
	add(&m, "round", KT_SAMPLE_DURATION, 2, 2, 1e6);
	add(&m, "round", KT_SAMPLE_DURATION, 4, 2, 1e6);
	assert_contains(show(&out, &m, 80, false), "break point: 4\n  no level fails");
}

TEST(test_memory_per_clone)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	const char *text;

	make(&m);
	add(&m, "pss", KT_SAMPLE_MEMORY, 1, 2, (100 + 8) << 20);
	add(&m, "pss", KT_SAMPLE_MEMORY, 2, 2, (100 + 16) << 20);
	add(&m, "pss", KT_SAMPLE_MEMORY, 4, 2, (100 + 32) << 20);
	for (unsigned int level = 1; level <= 4; level *= 2)
		add(&m, "pss.guest", KT_SAMPLE_MEMORY, level, 2, (double)(3 * level << 20));
	text = show(&out, &m, 80, false);
	assert_contains(
		text,
		"written by the guest per extra clone: 3.00 MiB\n  (slope of PSS over 6 points)");
	assert_contains(text, "memory per extra clone: 8.00 MiB\n  (slope of PSS over 6 points)");
	assert_null(strstr(text, "break point"));
}

/* Columns that a text needs: its characters, not its bytes. */
static unsigned int widest(const char *text)
{
	unsigned int column = 0, most = 0;

	for (; *text; text++) {
		column = *text == '\n' ? 0 : column + ((*text & 0xc0) != 0x80);
		most = KT_MAX(most, column);
	}
	return most;
}

TEST(test_fits)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	_cleanup_(kt_measured_deinit) struct kt_measured m;
	const char *text;

	make(&m);
	add(&m, "round", KT_SAMPLE_DURATION, 1, 1, 1e6);
	add(&m, "round", KT_SAMPLE_DURATION, 2, 1, 999.9e6);
	add(&m, "round", KT_SAMPLE_DURATION, 4, 1, 123.4e6);
	for (unsigned int columns = KT_SHOW_COLUMNS_MIN; columns <= 250; columns++)
		for (int utf8 = 0; utf8 < 2; utf8++) {
			text = strstr(show(&out, &m, columns, utf8), "UTC\n\n") + 5;
			if (widest(strstr(text, "level")) > columns)
				fail_msg("%u columns:\n%s", columns, text);
			assert_int_equal(!!strstr(text, "\u2588"), utf8);
			assert_contains(text, "p50");
		}
	assert_contains(show(&out, &m, 80, false), "min");
	assert_null(strstr(show(&out, &m, 40, false), "min"));
	assert_true(widest(show(&out, &m, 0, false)) > 0);
}
