/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two estimates: the slope of a line through points, and how high a rate of
 * failures may be, given how many were seen. No IO.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kt_xy {
	double x, y;
};

enum kt_slope_condition {
	KT_SLOPE_E_POINTS = KT_CONDITION(SLOPE), /* fewer than two different x */
};

/* Least squares: the slope of the line that has the smallest sum of squared errors in y. */
int kt_slope(double *ret_slope, const struct kt_xy *points, size_t count) _kt_must_check_;

/*
 * The upper bound of the probability of a failure, after `failures` in `trials`,
 * by Clopper and Pearson (Biometrika 26, 1934): the p at which as few failures
 * would be seen with a probability of 5 % only. It is the one-sided bound: what
 * is asked is "at most how bad", and a lower bound is of no use to anybody. A
 * two-sided interval would spend half of the 5 % on it. 1 without trials.
 */
double kt_failure_bound(uint64_t failures, uint64_t trials);
