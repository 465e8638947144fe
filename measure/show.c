/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports as text; see show.h. Values are rounded for people; percentiles beyond the tier of the
 * number of samples get a mark. Statistics are left to samples.h, the gate's cycles to
 * show-gate.c.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "measure/bench/bench.h"
#include "measure/estimate.h"
#include "measure/show.h"

#define VALUE_TEXT   24
#define VALUE_COLUMN 10 /* a value, its mark and a space */
#define LEAD_COLUMNS 12 /* columns of level and n */

struct show {
	struct kt_buf *out;
	const struct kt_measured *m;
	unsigned int columns;
	bool utf8, colour;
	bool marked; /* a percentile was marked: print the explanation */
	int r;	     /* the first failure */
};

static void __attribute__((format(printf, 2, 3))) put(struct show *s, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!s->r)
		s->r = kt_buf_append(s->out, line, strlen(line));
}

/* ---- values ---- */

/* Three significant digits: 1.23, 12.3, 123. */
static void format_scaled(char *buf, double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(buf, VALUE_TEXT, "%.*f %s", decimals, value, unit);
}

char *kt_show_value(char *buf, enum kt_sample_kind kind, double value)
{
	static const char *const times[] = { "ns", "us", "ms", "s" };
	static const char *const sizes[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	const char *const *units = kind == KT_SAMPLE_MEMORY ? sizes : times;
	unsigned int last =
		kind == KT_SAMPLE_MEMORY ? KT_ARRAY_SIZE(sizes) - 1 : KT_ARRAY_SIZE(times) - 1;
	double step = kind == KT_SAMPLE_MEMORY ? 1024 : 1000, limit = step - 0.5;
	unsigned int unit = 0;

	if (kind == KT_SAMPLE_COUNT || value < 0) {
		snprintf(buf, VALUE_TEXT, "%.6g", value);
		return buf;
	}
	for (; unit < last && value >= limit; unit++)
		value /= step;
	if (value >= 1e6)
		snprintf(buf, VALUE_TEXT, "%.1e", value);
	else
		format_scaled(buf, value, units[unit]);
	return buf;
}

/* ---- what it is of ---- */

static void put_levels(struct show *s, const struct kt_levels *levels)
{
	for (unsigned int i = 0; i < levels->count; i++)
		put(s, "%s%u", i ? "," : "", levels->list[i]);
}

static void put_head(struct show *s)
{
	const struct kt_measured *m = s->m;
	char memory[VALUE_TEXT], date[32] = "?";
	time_t t = (time_t)m->time_s;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(date, sizeof(date), "%F %T", &tm);
	put(s, "%s: %s ", kt_measured_kind_name(m->kind), m->axis);
	put_levels(s, &m->levels);
	put(s, "; %u repeats; seed %llu\n", m->repeats, (unsigned long long)m->seed);
	if (!m->complete)
		put(s, "%sCUT SHORT: not all of it was measured%s\n", s->colour ? "\033[33m" : "",
		    s->colour ? "\033[0m" : "");
	put(s, "machine: %s, %s", m->accel, m->topology);
	if (m->kernel.path[0])
		put(s, "; kernel %s %s", m->kernel.release, m->kernel.path);
	put(s, "\nhost: %s, %u CPUs, %s, Linux %s\n", m->host.cpu, m->host.cpus,
	    kt_show_value(memory, KT_SAMPLE_MEMORY, (double)m->host.memory_bytes), m->host.release);
	put(s, "ktest %s, %s UTC\n", m->commit, date);
}

/* ---- ladders ---- */

/* Whether the series is the first of its ladder. */
static bool is_first(const struct kt_samples *samples, size_t index)
{
	const struct kt_sample_series *s = &samples->series[index];

	for (size_t i = 0; i < index; i++)
		if (!strcmp(samples->series[i].metric, s->metric) &&
		    !strcmp(samples->series[i].tags.surface, s->tags.surface))
			return false;
	return true;
}

/* Whether the metric is a phase of another metric ("start.map"), shown without plot. */
static bool is_part(const struct kt_sample_series *ladder)
{
	return strchr(ladder->metric, '.');
}

static const struct kt_sample_series *
at_level(const struct show *s, const struct kt_sample_series *ladder, unsigned int i)
{
	return kt_samples_find(&s->m->samples, ladder->metric, ladder->tags.surface,
			       ladder->tags.levels.list[i]);
}

static struct kt_summary summary_at(struct show *s, const struct kt_sample_series *ladder,
				    unsigned int i)
{
	struct kt_summary sum = { .n = 0 };
	int r = kt_summarise(&sum, at_level(s, ladder, i));

	if (r && !s->r)
		s->r = r;
	return sum;
}

static const struct column {
	const char *name;
	size_t offset;
	unsigned int percent; /* 0: not a percentile */
	unsigned int order;   /* columns with the highest order are left out first */
} columns[] = {
	{ "min", offsetof(struct kt_summary, min), 0, 5 },
	{ "p50", offsetof(struct kt_summary, p50), 50, 0 },
	{ "p90", offsetof(struct kt_summary, p90), 90, 3 },
	{ "p95", offsetof(struct kt_summary, p95), 95, 1 },
	{ "p99", offsetof(struct kt_summary, p99), 99, 4 },
	{ "max", offsetof(struct kt_summary, max), 0, 2 },
};

static bool has_room(const struct show *s, const struct column *c)
{
	return LEAD_COLUMNS + (c->order + 1) * (VALUE_COLUMN + 1) <= s->columns;
}

static void put_row(struct show *s, const struct kt_sample_series *ladder, unsigned int i)
{
	struct kt_summary sum = summary_at(s, ladder, i);
	char text[VALUE_TEXT + 1];

	put(s, "%5u %6zu", ladder->tags.levels.list[i], sum.n);
	for (size_t c = 0; sum.n && c < KT_ARRAY_SIZE(columns); c++) {
		bool weak = columns[c].percent && !kt_tier_supports(sum.tier, columns[c].percent);

		if (!has_room(s, &columns[c]))
			continue;
		kt_show_value(text, ladder->kind,
			      *(double *)(void *)((char *)&sum + columns[c].offset));
		strcat(text, weak ? "?" : " ");
		put(s, "%*s", VALUE_COLUMN + 1, text);
		s->marked |= weak;
	}
	put(s, "\n");
}

/* Consecutive levels of the same tier are listed together. */
static void put_tiers(struct show *s, const struct kt_sample_series *ladder)
{
	const struct kt_levels *levels = &ladder->tags.levels;
	enum kt_tier before = KT_TIER_COUNT_;

	put(s, "confidence:");
	for (unsigned int i = 0; i < levels->count; i++) {
		enum kt_tier tier = summary_at(s, ladder, i).tier;

		if (i)
			put(s, tier == before ? "," : " %s\n           ", kt_tier_name(before));
		if (!i || tier != before)
			put(s, " ");
		put(s, "%u", levels->list[i]);
		before = tier;
	}
	put(s, " %s\n", kt_tier_name(before));
}

static void put_table(struct show *s, const struct kt_sample_series *ladder)
{
	put(s, "\n%s (%s)\n", ladder->metric, ladder->tags.surface);
	put(s, "  %s\n  output: %s; %s\n", ladder->tags.boundary, ladder->tags.output,
	    ladder->tags.warmup_excluded ? "warm-up excluded" : "warm-up included");
	put(s, "level      n");
	for (size_t c = 0; c < KT_ARRAY_SIZE(columns); c++)
		if (has_room(s, &columns[c]))
			put(s, "%*s ", VALUE_COLUMN, columns[c].name);
	put(s, "\n");
	for (unsigned int i = 0; i < ladder->tags.levels.count; i++)
		put_row(s, ladder, i);
	put_tiers(s, ladder);
}

/* ---- bars ---- */

static void put_bar(struct show *s, unsigned int eighths)
{
	static const char *const parts[] = { "",       "\u258f", "\u258e", "\u258d",
					     "\u258c", "\u258b", "\u258a", "\u2589" };

	for (unsigned int i = 0; i < eighths / 8; i++)
		put(s, "%s", s->utf8 ? "\u2588" : "#");
	if (s->utf8)
		put(s, "%s", parts[eighths % 8]);
	else if (eighths % 8 >= 4 || (eighths && eighths < 8))
		put(s, "#");
}

static double highest_p95(struct show *s, const struct kt_sample_series *ladder)
{
	double highest = 0;

	for (unsigned int i = 0; i < ladder->tags.levels.count; i++)
		highest = fmax(highest, summary_at(s, ladder, i).p95);
	return highest;
}

static void put_plot(struct show *s, const struct kt_sample_series *ladder)
{
	const struct kt_sample_tags *tags = &ladder->tags;
	unsigned int room = s->columns - 6 - VALUE_COLUMN - 1;
	double highest = highest_p95(s, ladder);
	char text[VALUE_TEXT];

	if (tags->levels.count < 2 || !(highest > 0))
		return;
	put(s, "p95 by level:\n");
	for (unsigned int i = 0; i < tags->levels.count; i++) {
		struct kt_summary sum = summary_at(s, ladder, i);
		bool above = tags->has_baseline && sum.p95 > tags->threshold_p95;

		if (!sum.n)
			continue;
		put(s, "%5u %s", tags->levels.list[i], s->colour && above ? "\033[31m" : "");
		put_bar(s, (unsigned int)(sum.p95 / highest * room * 8));
		put(s, "%s %s\n", s->colour && above ? "\033[0m" : "",
		    kt_show_value(text, ladder->kind, sum.p95));
	}
}

/* ---- what follows ---- */

static void put_break_point(struct show *s, const struct kt_sample_series *ladder)
{
	char threshold[VALUE_TEXT];
	struct kt_break_point p;
	int r = kt_break_point(&p, &s->m->samples, ladder->metric, ladder->tags.surface,
			       &ladder->tags.levels);

	if (r < 0 && !s->r)
		s->r = r;
	if (r == KT_BREAK_POINT_E_MISSING)
		put(s, "break point: a level has no samples\n");
	if (r)
		return;
	put(s, "break point: %u\n", p.level);
	if (p.first_failing)
		put(s, "  first failing level: %u\n", p.first_failing);
	else
		put(s, "  no level fails\n");
	put(s, "  limit: %s (2 x p95 of level 1)\n  confidence: %s\n",
	    kt_show_value(threshold, ladder->kind, p.threshold_p95), kt_tier_name(p.tier));
}

static size_t take_points(struct show *s, const struct kt_sample_series *ladder,
			  struct kt_xy *points)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ladder->tags.levels.count; i++) {
		const struct kt_sample_series *series = at_level(s, ladder, i);

		for (size_t j = 0; series && j < series->count; j++)
			points[n++] =
				(struct kt_xy){ ladder->tags.levels.list[i], series->values[j] };
	}
	return n;
}

static void put_slope(struct show *s, const struct kt_sample_series *ladder, const char *what)
{
	_cleanup_(kt_freep) struct kt_xy *points =
		calloc(s->m->samples.sample_count + 1, sizeof(*points));
	char text[VALUE_TEXT];
	double slope;
	size_t n;

	if (!points) {
		if (!s->r)
			s->r = kt_raise(-ENOMEM);
		return;
	}
	n = take_points(s, ladder, points);
	if (!kt_slope(&slope, points, n))
		put(s, "%s per extra clone: %s\n  (slope of PSS over %zu points)\n", what,
		    kt_show_value(text, KT_SAMPLE_MEMORY, slope), n);
}

int kt_show(struct kt_buf *out, const struct kt_measured *measured,
	    const struct kt_show_style *style)
{
	struct show s = { .out = out,
			  .m = measured,
			  .columns = KT_MAX(style->columns, KT_SHOW_COLUMNS_MIN),
			  .utf8 = style->utf8,
			  .colour = style->colour };
	s.columns = KT_MIN(s.columns, KT_SHOW_COLUMNS_MAX);
	put_head(&s);
	if (measured->kind == KT_MEASURED_GATE)
		return s.r ? kt_forward(s.r) : kt_forward(kt_show_gate(out, measured));
	for (size_t i = 0; !s.r && i < measured->samples.series_count; i++) {
		const struct kt_sample_series *ladder = &measured->samples.series[i];

		if (!is_first(&measured->samples, i))
			continue;
		put_table(&s, ladder);
		if (!is_part(ladder))
			put_plot(&s, ladder);
		if (ladder->kind == KT_SAMPLE_MEMORY)
			put_slope(&s, ladder, is_part(ladder) ? "written by the guest" : "memory");
		else if (!is_part(ladder))
			put_break_point(&s, ladder);
	}
	if (s.marked)
		put(&s, "\n?: too few samples to decide by it\n");
	return kt_forward(s.r);
}
