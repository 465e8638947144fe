/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns over time; see series.h. Each function stops at the first point that breaks the
 * pattern and describes it. Reading points from snapshots is left to judge/.
 */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "scenario/series.h"

struct kt_series kt_series_of_step(const struct kt_series *series, uint32_t step)
{
	struct kt_series part = *series;

	while (part.count && part.points[0].step != step) {
		part.points++;
		part.count--;
	}
	while (part.count && part.points[part.count - 1].step != step)
		part.count--;
	return part;
}

static int broken(const struct kt_series *s, size_t i, char *why, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "nr_x does not grow: 5 after 7 (generation 1, point 3 of 8, 0.420 s after the first)" */
static int broken(const struct kt_series *s, size_t i, char *why, const char *fmt, ...)
{
	char what[KT_TEXT_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(why, KT_TEXT_MAX,
		 "%.200s %s (generation %u, point %zu of %zu, %.3f s after the first)", s->path,
		 what, s->generation, i + 1, s->count,
		 (double)(s->points[i].time_ns - s->points[0].time_ns) / 1e9);
	return KT_SERIES_E_BROKEN;
}

static int unclear(const struct kt_series *s, char *why, const char *what)
{
	snprintf(why, KT_TEXT_MAX, "of %.200s (generation %u) %s", s->path, s->generation, what);
	return KT_SERIES_E_UNCLEAR;
}

static int too_few(const struct kt_series *s, char *why)
{
	char what[64];

	snprintf(what, sizeof(what), "there are %zu points, which is too few", s->count);
	return unclear(s, why, what);
}

int kt_series_nondecreasing(const struct kt_series *s, char *why)
{
	for (size_t i = 1; i < s->count; i++)
		if (s->points[i].value < s->points[i - 1].value)
			return broken(s, i, why, "decreases: %llu after %llu",
				      (unsigned long long)s->points[i].value,
				      (unsigned long long)s->points[i - 1].value);
	return s->count < 2 ? too_few(s, why) : 0;
}

int kt_series_increasing(const struct kt_series *s, char *why)
{
	for (size_t i = 1; i < s->count; i++)
		if (s->points[i].value <= s->points[i - 1].value)
			return broken(s, i, why, "does not grow: %llu after %llu",
				      (unsigned long long)s->points[i].value,
				      (unsigned long long)s->points[i - 1].value);
	return s->count < 2 ? too_few(s, why) : 0;
}

int kt_series_rate(const struct kt_series *s, double min, double max, char *why)
{
	for (size_t i = 1; i < s->count; i++) {
		const struct kt_point *a = &s->points[i - 1], *b = &s->points[i];
		double seconds = ((double)b->time_ns - (double)a->time_ns) / 1e9;
		double rate = ((double)b->value - (double)a->value) / seconds;

		if (seconds <= 0)
			return unclear(s, why, "two points are of the same time");
		if (rate < min || rate > max)
			return broken(s, i, why, "changes by %.1f per second, not by %.1f to %.1f",
				      rate, min, max);
	}
	return s->count < 2 ? too_few(s, why) : 0;
}

int kt_series_steady(const struct kt_series *s, double percent, char *why)
{
	double mean = 0;

	for (size_t i = 0; i < s->count; i++)
		mean += (double)s->points[i].value / (double)s->count;
	if (s->count < 2)
		return too_few(s, why);
	if (mean <= 0)
		return unclear(s, why, "all points are 0");
	for (size_t i = 0; i < s->count; i++) {
		double off = 100 * fabs((double)s->points[i].value - mean) / mean;

		if (off > percent)
			return broken(
				s, i, why,
				"is not steady: %llu is %.0f %% off from the mean %.1f, limit "
				"%.0f %%",
				(unsigned long long)s->points[i].value, off, mean, percent);
	}
	return 0;
}

int kt_series_converges(const struct kt_series *s, uint64_t target, double percent,
			uint64_t within_ns, char *why)
{
	bool late = false;

	if (!target)
		return unclear(s, why, "the target is 0, of which there are no per cent");
	for (size_t i = 0; i < s->count; i++) {
		const struct kt_point *p = &s->points[i];
		double off = 100 * fabs((double)p->value - (double)target) / (double)target;

		if (p->time_ns - s->points[0].time_ns < within_ns)
			continue;
		late = true;
		if (off > percent)
			return broken(s, i, why,
				      "has not come to %llu in %.3f s: %llu is %.0f %% off, limit "
				      "%.0f %%",
				      (unsigned long long)target, (double)within_ns / 1e9,
				      (unsigned long long)p->value, off, percent);
	}
	return late ? 0 : unclear(s, why, "no point is as late as it is to have converged");
}

int kt_series_always(const struct kt_series *s, uint64_t min, uint64_t max, char *why)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->points[i].value < min || s->points[i].value > max)
			return broken(s, i, why, "is %llu, and not %llu to %llu",
				      (unsigned long long)s->points[i].value,
				      (unsigned long long)min, (unsigned long long)max);
	return s->count ? 0 : too_few(s, why);
}

int kt_series_ratio(const struct kt_series *s, const struct kt_series *over, double min, double max,
		    char *why)
{
	if (s->count != over->count || s->generation != over->generation)
		return unclear(s, why,
			       "the points and those it is divided by are not of the same "
			       "snapshots");
	for (size_t i = 0; i < s->count; i++) {
		const struct kt_point *a = &s->points[i], *b = &over->points[i];
		double ratio = (double)a->value / (double)b->value;

		if (a->time_ns != b->time_ns)
			return unclear(s, why,
				       "the points and those it is divided by are not of "
				       "the same snapshots");
		if (!b->value)
			return unclear(s, why, "a point is to be divided by 0");
		if (ratio < min || ratio > max)
			return broken(s, i, why,
				      "is %llu to %llu of %.200s, which is %.3f, and not "
				      "%.3f to %.3f",
				      (unsigned long long)a->value, (unsigned long long)b->value,
				      over->path, ratio, min, max);
	}
	return s->count ? 0 : too_few(s, why);
}
