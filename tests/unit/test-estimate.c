/* SPDX-License-Identifier: GPL-2.0-only */
/* Slopes by hand; bounds of failure rates against their defining equation. */
#include <math.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "measure/estimate.h"
#include "tests/unit/test.h"

static bool near(double a, double b, double relative)
{
	return fabs(a - b) <= relative * fabs(b);
}

TEST(test_slope)
{
	/* Means 2.5 and 3.5; sums (x-mx)^2 = 5, (x-mx)(y-my) = 4. */
	static const struct kt_xy points[] = { { 1, 2 }, { 2, 4 }, { 3, 3 }, { 4, 5 } };
	/* A line of 8 MiB for each clone on top of 1 GiB. */
	static const struct kt_xy line[] = {
		{ 1, 1073741824. + 8388608 },
		{ 8, 1073741824. + 8 * 8388608. },
		{ 2, 1073741824. + 2 * 8388608. },
	};
	double slope;

	assert_int_equal(kt_slope(&slope, points, 4), 0);
	assert_true(near(slope, 0.8, 1e-12));
	assert_int_equal(kt_slope(&slope, line, 3), 0);
	assert_true(near(slope, 8388608, 1e-12));
}

TEST(test_slope_of_too_little)
{
	static const struct kt_xy same[] = { { 3, 1 }, { 3, 2 }, { 3, 3 } };
	double slope;

	assert_int_equal(kt_slope(&slope, NULL, 0), KT_SLOPE_E_POINTS);
	assert_int_equal(kt_slope(&slope, same, 1), KT_SLOPE_E_POINTS);
	assert_int_equal(kt_slope(&slope, same, 3), KT_SLOPE_E_POINTS);
}

/* From sums of exact binomial terms, by rational arithmetic. */
TEST(test_known_bounds)
{
	static const struct {
		uint64_t failures, trials;
		double bound;
	} known[] = {
		{ 0, 1, 0.95 },
		{ 0, 50, 0.058155079116972 },
		{ 0, 100, 0.029513049607040 },
		{ 0, 1000, 0.0029912495450953 },
		{ 1, 1000, 0.0047349935754998 },
		{ 1, 10, 0.39416330243650 },
		{ 3, 20, 0.34366380431428 },
		{ 5, 100, 0.10225337764327 },
		{ 9, 10, 0.99488380316 },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(known); i++)
		assert_true(near(kt_failure_bound(known[i].failures, known[i].trials),
				 known[i].bound, 1e-9));
}

/* Without failures the equation is (1 - p)^n = 0.05, and p about 3 / n. */
TEST(test_rule_of_three)
{
	static const uint64_t trials[] = { 100, 1000, 10000, 1000000, 1000000000 };

	for (size_t i = 0; i < KT_ARRAY_SIZE(trials); i++) {
		double n = (double)trials[i], bound = kt_failure_bound(0, trials[i]);

		assert_true(near(bound, -expm1(log(0.05) / n), 1e-9));
		assert_true(bound < 3 / n && bound > 2.9 / n);
	}
}

TEST(test_bounds_that_say_nothing)
{
	assert_true(kt_failure_bound(0, 0) == 1);
	assert_true(kt_failure_bound(7, 7) == 1);
	assert_true(kt_failure_bound(8, 7) == 1);
}

TEST(test_many_failures)
{
	/* The normal approximation: half plus 1.645 * sqrt(0.25 / n). */
	assert_true(near(kt_failure_bound(500000, 1000000), 0.5 + 1.645 * 0.0005, 1e-5));
	/* Each failure more makes it worse. */
	for (uint64_t k = 0; k < 100; k++)
		assert_true(kt_failure_bound(k + 1, 100) > kt_failure_bound(k, 100));
}
