/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns over time. A series has one point for each snapshot of one generation
 * (kt_bpf_series() in check.h) or of one step of it. Checks use KT_EXPECT_* of check.h, which
 * call the functions below.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct kt_point {
	uint64_t time_ns; /* guest's CLOCK_MONOTONIC */
	uint64_t value;
	uint32_t step; /* step of the snapshot, or KT_STEP_BOOT */
};

struct kt_series {
	const char *path; /* as given to kt_bpf_series(); borrowed, as the points */
	uint32_t generation;
	size_t count;
	const struct kt_point *points; /* in order of time */
};

/* The points of one step. */
struct kt_series kt_series_of_step(const struct kt_series *series, uint32_t step);

enum kt_series_condition {
	KT_SERIES_E_BROKEN = KT_CONDITION(SERIES), /* a point breaks the pattern */
	KT_SERIES_E_UNCLEAR,			   /* too few points, or a divisor of 0 */
};

/*
 * Each function returns 0, or a condition and writes the point and its value into `why`
 * (KT_TEXT_MAX bytes). always and ratio need one point, converges a point at or after
 * within_ns, the others two points.
 */

/* No point is below its predecessor. */
int kt_series_nondecreasing(const struct kt_series *series, char *why) _kt_must_check_;
/* Each point is above its predecessor. */
int kt_series_increasing(const struct kt_series *series, char *why) _kt_must_check_;
/* Between neighbours the value changes by min to max per second. */
int kt_series_rate(const struct kt_series *series, double min, double max,
		   char *why) _kt_must_check_;
/* Each point deviates from the mean of all points by at most `percent` of the mean. */
int kt_series_steady(const struct kt_series *series, double percent, char *why) _kt_must_check_;
/*
 * Each point at or after within_ns from the first point deviates from `target` by at most
 * `percent` of `target`.
 */
int kt_series_converges(const struct kt_series *series, uint64_t target, double percent,
			uint64_t within_ns, char *why) _kt_must_check_;
/* Each point is min to max. */
int kt_series_always(const struct kt_series *series, uint64_t min, uint64_t max,
		     char *why) _kt_must_check_;
/* Each point, divided by the point of `over` from the same snapshot, is min to max. */
int kt_series_ratio(const struct kt_series *series, const struct kt_series *over, double min,
		    double max, char *why) _kt_must_check_;
