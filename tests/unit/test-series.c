/* SPDX-License-Identifier: GPL-2.0-only */
/* Patterns over a series: what holds, what is broken where, and what cannot be told. */

#include "scenario/series.h"
#include "tests/unit/test.h"

static char why[KT_TEXT_MAX];

/* A point each 100 ms, of step 0, from the third on of step 1. */
static struct kt_series series_of(const uint64_t *values, size_t count)
{
	static struct kt_point points[2][8];
	static unsigned int next;
	struct kt_point *p = points[next++ % 2];

	for (size_t i = 0; i < count; i++)
		p[i] = (struct kt_point){ 5000000000 + i * 100000000, values[i], i >= 2 };
	return (struct kt_series){ "nr_x", 3, count, p };
}

#define SERIES(...) \
	series_of((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

static void broken(int r, const char *word)
{
	assert_int_equal(r, KT_SERIES_E_BROKEN);
	assert_contains(why, word);
}

static void unclear(int r, const char *word)
{
	assert_int_equal(r, KT_SERIES_E_UNCLEAR);
	assert_contains(why, word);
}

TEST(test_monotonous)
{
	const struct kt_series up = SERIES(1, 2, 2, 4), one = SERIES(7);
	struct kt_series s;

	assert_int_equal(kt_series_nondecreasing(&up, why), 0);
	broken(kt_series_increasing(&up, why),
	       "nr_x does not grow: 2 after 2 (generation 3, point 3 of 4, 0.200 s after the first)");
	s = SERIES(1, 3, 2);
	broken(kt_series_nondecreasing(&s, why), "nr_x decreases: 2 after 3");
	s = SERIES(1, 3, 5);
	assert_int_equal(kt_series_increasing(&s, why), 0);
	unclear(kt_series_nondecreasing(&one, why), "there are 1 points, which is too few");
	unclear(kt_series_increasing(&one, why), "too few");
}

TEST(test_rate)
{
	struct kt_series s = SERIES(0, 10, 30);

	assert_int_equal(kt_series_rate(&s, 100, 200, why), 0);
	broken(kt_series_rate(&s, 100, 199, why),
	       "changes by 200.0 per second, not by 100.0 to 199.0");
	broken(kt_series_rate(&s, 101, 200, why), "changes by 100.0 per second");
	s = SERIES(30, 20);
	assert_int_equal(kt_series_rate(&s, -100, -100, why), 0);
	((struct kt_point *)s.points)[1].time_ns = s.points[0].time_ns;
	unclear(kt_series_rate(&s, 0, 1, why), "two points are of the same time");
	s.count = 1;
	unclear(kt_series_rate(&s, 0, 1, why), "too few");
}

TEST(test_steady)
{
	struct kt_series s = SERIES(90, 100, 110);

	assert_int_equal(kt_series_steady(&s, 10, why), 0);
	broken(kt_series_steady(&s, 9, why), "90 is 10 % off from the mean 100.0, limit 9 %");
	s = SERIES(0, 0);
	unclear(kt_series_steady(&s, 9, why), "all points are 0");
	s = SERIES(5);
	unclear(kt_series_steady(&s, 9, why), "too few");
}

TEST(test_converges)
{
	struct kt_series s = SERIES(500, 120, 101, 99);

	assert_int_equal(kt_series_converges(&s, 100, 1, 200000000, why), 0);
	broken(kt_series_converges(&s, 100, 1, 100000000, why),
	       "has not come to 100 in 0.100 s: 120 is 20 % off, limit 1 %");
	s = SERIES(100, 100, 100, 150);
	broken(kt_series_converges(&s, 100, 1, 0, why), "150 is 50 % off");
	unclear(kt_series_converges(&s, 100, 1, 400000000, why), "no point is as late");
	unclear(kt_series_converges(&s, 0, 1, 0, why), "the target is 0");
}

TEST(test_always)
{
	struct kt_series s = SERIES(1, 2, 3);

	assert_int_equal(kt_series_always(&s, 1, 3, why), 0);
	broken(kt_series_always(&s, 2, 3, why), "nr_x is 1, and not 2 to 3");
	broken(kt_series_always(&s, 1, 2, why), "nr_x is 3, and not 1 to 2");
	s.count = 0;
	unclear(kt_series_always(&s, 1, 2, why), "too few");
}

TEST(test_ratio)
{
	struct kt_series a = SERIES(5, 9), b = SERIES(10, 10);

	assert_int_equal(kt_series_ratio(&a, &b, 0.5, 0.9, why), 0);
	broken(kt_series_ratio(&a, &b, 0.6, 0.9, why),
	       "nr_x is 5 to 10 of nr_x, which is 0.500, and not 0.600 to 0.900");
	broken(kt_series_ratio(&a, &b, 0.5, 0.8, why), "which is 0.900");
	((struct kt_point *)b.points)[1].value = 0;
	unclear(kt_series_ratio(&a, &b, 0, 1, why), "divided by 0");
	b.count = 1;
	unclear(kt_series_ratio(&a, &b, 0, 1, why), "not of the same snapshots");
	a.count = b.count = 0;
	unclear(kt_series_ratio(&a, &b, 0, 1, why), "too few");
}

TEST(test_steps)
{
	const struct kt_series s = SERIES(1, 9, 3, 4);
	struct kt_series part = kt_series_of_step(&s, 1);

	assert_int_equal(part.count, 2);
	assert_int_equal(part.points[0].value, 3);
	assert_int_equal(kt_series_increasing(&part, why), 0);
	part = kt_series_of_step(&s, 0);
	assert_int_equal(part.count, 2);
	assert_int_equal(part.points[1].value, 9);
	assert_int_equal(kt_series_of_step(&s, 7).count, 0);
}
