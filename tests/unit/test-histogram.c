/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms: buckets without gaps, nearest-rank percentiles, the form on the wire. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/histogram.h"
#include "tests/unit/test.h"

/* Each bucket begins at the end of the previous bucket and is at most 1/8 wide. */
TEST(test_buckets)
{
	for (unsigned int i = 1; i < KT_HISTOGRAM_BUCKETS; i++) {
		uint64_t first = kt_histogram_upper(i - 1) + 1, last = kt_histogram_upper(i);

		assert_true(first <= last);
		assert_int_equal(kt_histogram_bucket(first), i);
		assert_int_equal(kt_histogram_bucket(last), i);
		assert_true(last - first + 1 <= KT_MAX(first / 8, UINT64_C(1)));
	}
	assert_int_equal(kt_histogram_bucket(0), 0);
	assert_int_equal(kt_histogram_upper(KT_HISTOGRAM_BUCKETS - 1),
			 (UINT64_C(1) << KT_HISTOGRAM_BITS) - 1);
	assert_int_equal(kt_histogram_bucket(UINT64_C(1) << KT_HISTOGRAM_BITS),
			 KT_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(kt_histogram_bucket(UINT64_MAX), KT_HISTOGRAM_BUCKETS - 1);
}

TEST(test_percentiles)
{
	struct kt_histogram h = { { 0 } };

	assert_int_equal(kt_histogram_percentile(&h, 500), 0);
	for (uint64_t i = 1; i <= 99; i++)
		kt_histogram_add(&h, 5);
	kt_histogram_add(&h, 1000000);
	assert_int_equal(kt_histogram_count(&h), 100);
	assert_int_equal(kt_histogram_percentile(&h, 0), 5);
	assert_int_equal(kt_histogram_percentile(&h, 990), 5);
	assert_in_range(kt_histogram_percentile(&h, 991), 1000000, 1125000);
	assert_in_range(kt_histogram_percentile(&h, 1000), 1000000, 1125000);
}

TEST(test_counts_do_not_wrap)
{
	struct kt_histogram h = { { 0 } };

	h.counts[3] = UINT32_MAX - 1;
	kt_histogram_add(&h, 3);
	kt_histogram_add(&h, 3);
	assert_int_equal(h.counts[3], UINT32_MAX);
	assert_int_equal(kt_histogram_percentile(&h, 999), 3);
}

TEST(test_wire)
{
	uint8_t bytes[4 * KT_HISTOGRAM_BUCKETS + 4] = { 0 };
	struct kt_histogram h = { { 0 } }, again;

	assert_int_equal(kt_histogram_write(&h, bytes), 0);
	assert_int_equal(kt_histogram_read(&again, bytes, 0), 0);
	assert_memory_equal(&h, &again, sizeof(h));
	kt_histogram_add(&h, 2);
	kt_histogram_add(&h, 9);
	h.counts[2] = 0x01020304;
	assert_int_equal(kt_histogram_write(&h, bytes), 4 * 10);
	assert_int_equal(bytes[8], 4);
	assert_int_equal(kt_histogram_read(&again, bytes, 40), 0);
	assert_memory_equal(&h, &again, sizeof(h));
	assert_int_equal(kt_histogram_read(&again, bytes, 39), -EINVAL);
	assert_int_equal(kt_histogram_read(&again, bytes, sizeof(bytes)), -EINVAL);
	kt_histogram_add(&h, UINT64_MAX);
	assert_int_equal(kt_histogram_write(&h, bytes), 4 * KT_HISTOGRAM_BUCKETS);
}
