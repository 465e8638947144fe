/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts of values by their size, in buckets that grow with the value: eight to
 * each power of two, so that a bucket is at most an eighth of its values wide.
 * What is said of the values is the upper end of their bucket.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_HISTOGRAM_BITS    40 /* larger values count as the largest: 18 minutes in ns */
#define KT_HISTOGRAM_BUCKETS (8 * (KT_HISTOGRAM_BITS - 2))

struct kt_histogram {
	uint32_t counts[KT_HISTOGRAM_BUCKETS];
};

/* The bucket of a value, and the largest value of a bucket. */
unsigned int kt_histogram_bucket(uint64_t value);
uint64_t kt_histogram_upper(unsigned int bucket);

void kt_histogram_add(struct kt_histogram *h, uint64_t value);
uint64_t kt_histogram_count(const struct kt_histogram *h);

/*
 * The nearest-rank percentile, in thousandths (990: p99): the smallest bucket that at
 * least so many of the values are in or below. 0 if there are none.
 */
uint64_t kt_histogram_percentile(const struct kt_histogram *h, unsigned int thousandths);

/* The counts as little-endian 32-bit numbers, without the zeros at the end; returns bytes. */
size_t kt_histogram_write(const struct kt_histogram *h, uint8_t to[4 * KT_HISTOGRAM_BUCKETS]);
/* -EINVAL: these are no counts. */
int kt_histogram_read(struct kt_histogram *ret_h, const uint8_t *bytes, size_t len) _kt_must_check_;
