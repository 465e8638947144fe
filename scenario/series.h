/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns over time: what the values of a series, one for each snapshot, must be like.
 * A series is of one scheduler generation (kt_bpf_series() in check.h), and can be cut to
 * one step. In a check the KT_EXPECT_* of check.h ask for them; these are the functions
 * behind them, which say in words what is wrong where.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct kt_point {
	uint64_t time_ns; /* guest's CLOCK_MONOTONIC */
	uint64_t value;
	uint32_t step; /* in which it was taken; or KT_STEP_BOOT */
};

struct kt_series {
	const char *path;    /* what it is of; borrowed, as the points */
	uint32_t generation; /* of the scheduler */
	size_t count;
	const struct kt_point *points; /* in order of time */
};

/* The points of one step. */
struct kt_series kt_series_of_step(const struct kt_series *series, uint32_t step);

enum kt_series_condition {
	KT_SERIES_E_BROKEN = KT_CONDITION(SERIES), /* a point is not as it must be */
	KT_SERIES_E_UNCLEAR,			   /* too few points, or nothing to divide by */
};

/*
 * All return 0, or a condition with `why` (KT_TEXT_MAX bytes) saying at which point and
 * what was there. Those that compare points need two of them, the others one.
 */

/* No point is below the one before. */
int kt_series_nondecreasing(const struct kt_series *series, char *why) _kt_must_check_;
/* Each point is above the one before. */
int kt_series_increasing(const struct kt_series *series, char *why) _kt_must_check_;
/* Between each two points it changes by so much per second. */
int kt_series_rate(const struct kt_series *series, double min, double max,
		   char *why) _kt_must_check_;
/* No point is further from the mean of all than so many per cent of it. */
int kt_series_steady(const struct kt_series *series, double percent, char *why) _kt_must_check_;
/*
 * From a point that is at most within_ns after the first one on, each is no further from
 * the target than so many per cent of that. Points later than that are needed.
 */
int kt_series_converges(const struct kt_series *series, uint64_t target, double percent,
			uint64_t within_ns, char *why) _kt_must_check_;
/* Each point is in these bounds. */
int kt_series_always(const struct kt_series *series, uint64_t min, uint64_t max,
		     char *why) _kt_must_check_;
/* Each point of one over that of the other, of the same snapshot, is in these bounds. */
int kt_series_ratio(const struct kt_series *series, const struct kt_series *over, double min,
		    double max, char *why) _kt_must_check_;
