/* SPDX-License-Identifier: GPL-2.0-only */
/* Slope and failure bound; see estimate.h. */
#include <math.h>

#include "measure/estimate.h"

#define ALPHA	 0.05
#define BISECTED 100 /* bisections of [0, 1]: beyond the precision of double */

int kt_slope(double *ret_slope, const struct kt_xy *points, size_t count)
{
	double mx = 0, my = 0, xx = 0, xy = 0;

	for (size_t i = 0; i < count; i++) {
		mx += points[i].x / (double)count;
		my += points[i].y / (double)count;
	}
	/* Deviations from the means: sums of squares of large values would lose precision. */
	for (size_t i = 0; i < count; i++) {
		xx += (points[i].x - mx) * (points[i].x - mx);
		xy += (points[i].x - mx) * (points[i].y - my);
	}
	if (!(xx > 0))
		return KT_SLOPE_E_POINTS;
	*ret_slope = xy / xx;
	return 0;
}

/*
 * P(at most k failures in n trials) for p > k / n, where the term of k is the largest and each
 * smaller index has a smaller term. Logarithms are used because P(no failure) can be too
 * small for a double.
 */
static double at_most(double k, double n, double p)
{
	double log_term = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) +
			  (n - k) * log1p(-p);
	double sum = 1, ratio = 1;

	for (double i = k; i > 0 && ratio > sum * 1e-17; i--) {
		ratio *= i / (n - i + 1) * (1 - p) / p;
		sum += ratio;
	}
	return exp(log_term) * sum;
}

double kt_failure_bound(uint64_t failures, uint64_t trials)
{
	double low = trials ? (double)failures / (double)trials : 1, high = 1;

	if (failures >= trials)
		return 1;
	for (int i = 0; i < BISECTED; i++) {
		double p = (low + high) / 2;

		if (at_most((double)failures, (double)trials, p) > ALPHA)
			low = p;
		else
			high = p;
	}
	return high;
}
