/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Samples and statistics; see samples.h. A series is found by a linear search from the end,
 * where the next sample usually belongs; KT_SERIES_MAX bounds the search.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "measure/samples.h"

#define SCALES_UP_TO 2 /* threshold_p95 / baseline_p95 */

static const struct {
	const char *name;
	const char *unit;
} kinds[] = {
	[KT_SAMPLE_DURATION] = { "duration", "ns" },
	[KT_SAMPLE_MEMORY] = { "memory", "bytes" },
	[KT_SAMPLE_COUNT] = { "count", "1" },
};

const char *kt_sample_kind_name(enum kt_sample_kind kind)
{
	return kinds[kind].name;
}

const char *kt_sample_kind_unit(enum kt_sample_kind kind)
{
	return kinds[kind].unit;
}

/* ---- levels ---- */

bool kt_levels_have(const struct kt_levels *levels, unsigned int level)
{
	for (unsigned int i = 0; i < levels->count; i++)
		if (levels->list[i] == level)
			return true;
	return false;
}

/* Returns 0 if the text is not a number from 1 to KT_LEVEL_MAX. */
static unsigned int parse_level(const char *text, size_t len)
{
	const char *end = text;
	uint64_t level;

	return kt_take_number(&end, &level) && end == text + len && level <= KT_LEVEL_MAX ?
		       (unsigned int)level :
		       0;
}

int kt_levels_parse(struct kt_levels *ret_levels, const char *text, struct kt_diag *diag)
{
	struct kt_levels levels = { .count = 0 };
	const char *part = text;

	for (;;) {
		size_t len = strcspn(part, ",");
		unsigned int level = parse_level(part, len);

		if (!level)
			return kt_fail(diag, KT_LEVELS_E_FORM,
				       "'%.*s' in '%s' is not a number from 1 to %u", (int)len,
				       part, text, KT_LEVEL_MAX);
		if (kt_levels_have(&levels, level))
			return kt_fail(diag, KT_LEVELS_E_FORM, "%u is in '%s' twice", level, text);
		if (levels.count == KT_LEVELS_MAX)
			return kt_fail(diag, KT_LEVELS_E_FORM, "'%s' has more than %u numbers",
				       text, KT_LEVELS_MAX);
		levels.list[levels.count++] = level;
		if (!part[len])
			break;
		part += len + 1;
	}
	*ret_levels = levels;
	return 0;
}

/* ---- samples ---- */

void kt_samples_deinit(struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->series_count; i++)
		free(samples->series[i].values);
	for (size_t i = 0; i < samples->trace_count; i++) {
		free(samples->traces[i].text);
		free(samples->traces[i].values);
	}
	free(samples->series);
	free(samples->traces);
	*samples = KT_SAMPLES_INIT;
}

static bool same_levels(const struct kt_levels *a, const struct kt_levels *b)
{
	return a->count == b->count && !memcmp(a->list, b->list, a->count * sizeof(a->list[0]));
}

static bool same_baseline(const struct kt_sample_tags *a, const struct kt_sample_tags *b)
{
	return a->has_baseline == b->has_baseline &&
	       (!a->has_baseline ||
		(a->baseline_p95 == b->baseline_p95 && a->threshold_p95 == b->threshold_p95));
}

static bool same_series(const struct kt_sample_series *a, const struct kt_sample_series *b)
{
	const struct kt_sample_tags *s = &a->tags, *t = &b->tags;

	return s->level == t->level && a->kind == b->kind && !strcmp(a->metric, b->metric) &&
	       !strcmp(s->surface, t->surface) && !strcmp(s->boundary, t->boundary) &&
	       !strcmp(s->output, t->output) && s->warmup_excluded == t->warmup_excluded &&
	       s->repeats == t->repeats && same_levels(&s->levels, &t->levels) &&
	       same_baseline(s, t);
}

static int begin_series(struct kt_samples *samples, const struct kt_sample_series *like)
{
	struct kt_sample_series s = *like;

	if (samples->series_count == KT_SERIES_MAX)
		return KT_SAMPLES_E_FULL;
	s.values = NULL;
	s.count = 0;
	return kt_array_append(samples->series, samples->series_count, s);
}

/* From the end, where the next sample usually belongs. */
static struct kt_sample_series *find_like(struct kt_samples *samples,
					  const struct kt_sample_series *like)
{
	for (size_t i = samples->series_count; i > 0; i--)
		if (same_series(&samples->series[i - 1], like))
			return &samples->series[i - 1];
	return NULL;
}

int kt_samples_add(struct kt_samples *samples, const struct kt_sample_series *like, double value)
{
	struct kt_sample_series *s = find_like(samples, like);

	if (!isfinite(value))
		return kt_raise(-EINVAL);
	if (samples->sample_count == KT_SAMPLES_MAX)
		return KT_SAMPLES_E_FULL;
	if (!s) {
		KT_TRY(begin_series(samples, like));
		s = &samples->series[samples->series_count - 1];
	}
	KT_TRY(kt_array_append(s->values, s->count, value));
	samples->sample_count++;
	return 0;
}

/* Copies values, which must be finite. */
static int copy_values(double **ret_copy, const double *values, size_t count)
{
	double *copy;

	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return kt_raise(-EINVAL);
	copy = calloc(count ?: 1, sizeof(*copy));
	if (!copy)
		return kt_raise(-ENOMEM);
	if (count)
		memcpy(copy, values, count * sizeof(*copy));
	*ret_copy = copy;
	return 0;
}

int kt_samples_trace(struct kt_samples *samples, const struct kt_trace *trace)
{
	_cleanup_(kt_freep) char *text = NULL;
	_cleanup_(kt_freep) double *values = NULL;
	struct kt_trace t = *trace;

	if (samples->trace_count == KT_TRACES_MAX || trace->count > KT_TRACE_MAX ||
	    (trace->text && strlen(trace->text) >= KT_TEXT_MAX))
		return KT_SAMPLES_E_FULL;
	text = trace->text ? strdup(trace->text) : NULL;
	if (trace->text && !text)
		return kt_raise(-ENOMEM);
	KT_TRY(copy_values(&values, trace->values, trace->count));
	t.text = text;
	t.values = values;
	KT_TRY(kt_array_append(samples->traces, samples->trace_count, t));
	text = NULL;
	values = NULL;
	return 0;
}

const struct kt_sample_series *kt_samples_find(const struct kt_samples *samples, const char *metric,
					       const char *surface, unsigned int level)
{
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct kt_sample_series *s = &samples->series[i];

		if (s->tags.level == level && !strcmp(s->metric, metric) &&
		    !strcmp(s->tags.surface, surface))
			return s;
	}
	return NULL;
}

void kt_samples_set_baselines(struct kt_samples *samples)
{
	for (size_t i = 0; i < samples->series_count; i++) {
		struct kt_sample_series *s = &samples->series[i];
		struct kt_summary at_one;

		s->tags.has_baseline = false;
		if (kt_summarise(&at_one,
				 kt_samples_find(samples, s->metric, s->tags.surface, 1)) ||
		    !at_one.n)
			continue;
		s->tags.has_baseline = true;
		s->tags.baseline_p95 = at_one.p95;
		s->tags.threshold_p95 = SCALES_UP_TO * at_one.p95;
	}
}

/* ---- what follows ---- */

double kt_percentile(const double *sorted, size_t count, unsigned int percent)
{
	size_t rank = (count * percent + 99) / 100;

	return sorted[rank ? rank - 1 : 0];
}

static const struct {
	size_t from; /* samples */
	const char *name;
} tiers[] = {
	[KT_TIER_MISSING] = { 0, "missing" },
	[KT_TIER_SMOKE_ONLY] = { 1, "smoke_only" },
	[KT_TIER_SUPERFAST_ITERATION] = { 3, "superfast_iteration" },
	[KT_TIER_FAST_ITERATION] = { 5, "fast_iteration" },
	[KT_TIER_BASELINE_CHECKPOINT] = { 10, "baseline_checkpoint" },
	[KT_TIER_P50_P90_DECISION_GRADE] = { 30, "p50_p90_decision_grade" },
	[KT_TIER_P95_DECISION_GRADE] = { 100, "p95_decision_grade" },
	[KT_TIER_P99_DECISION_GRADE] = { 500, "p99_decision_grade" },
};

enum kt_tier kt_tier_of(size_t samples)
{
	enum kt_tier tier = KT_TIER_P99_DECISION_GRADE;

	while (samples < tiers[tier].from)
		tier--;
	return tier;
}

const char *kt_tier_name(enum kt_tier tier)
{
	return tiers[tier].name;
}

bool kt_tier_supports(enum kt_tier tier, unsigned int percent)
{
	if (percent <= 90)
		return tier >= KT_TIER_P50_P90_DECISION_GRADE;
	return tier >= (percent <= 95 ? KT_TIER_P95_DECISION_GRADE : KT_TIER_P99_DECISION_GRADE);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int kt_summarise(struct kt_summary *ret_summary, const struct kt_sample_series *series)
{
	_cleanup_(kt_freep) double *sorted = NULL;
	size_t n = series ? series->count : 0;

	*ret_summary = (struct kt_summary){ .n = n, .tier = kt_tier_of(n) };
	if (!n)
		return 0;
	sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return kt_raise(-ENOMEM);
	memcpy(sorted, series->values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	ret_summary->min = sorted[0];
	ret_summary->p50 = kt_percentile(sorted, n, 50);
	ret_summary->p90 = kt_percentile(sorted, n, 90);
	ret_summary->p95 = kt_percentile(sorted, n, 95);
	ret_summary->p99 = kt_percentile(sorted, n, 99);
	ret_summary->max = sorted[n - 1];
	return 0;
}

int kt_break_point(struct kt_break_point *ret_point, const struct kt_samples *samples,
		   const char *metric, const char *surface, const struct kt_levels *levels)
{
	struct kt_break_point point = { .tier = KT_TIER_COUNT_ - 1 };
	struct kt_summary s;

	if (!kt_levels_have(levels, 1))
		return KT_BREAK_POINT_E_BASELINE;
	KT_TRY(kt_summarise(&s, kt_samples_find(samples, metric, surface, 1)));
	point.baseline_p95 = s.p95;
	point.threshold_p95 = SCALES_UP_TO * s.p95;
	for (unsigned int i = 0; i < levels->count; i++) {
		unsigned int level = levels->list[i];

		KT_TRY(kt_summarise(&s, kt_samples_find(samples, metric, surface, level)));
		if (!s.n)
			return KT_BREAK_POINT_E_MISSING;
		point.tier = KT_MIN(point.tier, s.tier);
		if (s.p95 <= point.threshold_p95)
			point.level = KT_MAX(point.level, level);
		else if (!point.first_failing)
			point.first_failing = level;
	}
	*ret_point = point;
	return 0;
}
