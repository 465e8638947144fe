/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two estimators: the slope of a line through points, and an upper bound on a failure
 * probability. No IO.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kt_xy {
	double x, y;
};

enum kt_slope_condition {
	KT_SLOPE_E_POINTS = KT_CONDITION(SLOPE), /* fewer than two different values of x */
};

/* Slope of the least-squares line (squared errors in y). Returns 0 or KT_SLOPE_E_POINTS. */
int kt_slope(double *ret_slope, const struct kt_xy *points, size_t count) _kt_must_check_;

/*
 * One-sided 95 % upper confidence bound on the failure probability after `failures` in
 * `trials`, by Clopper and Pearson (Biometrika 26, 1934): the p for which the probability of
 * at most `failures` failures is 5 %. The lower bound of a two-sided interval would be of no
 * use and would take half of the 5 %. Returns 1 if trials is 0.
 */
double kt_failure_bound(uint64_t failures, uint64_t trials);
