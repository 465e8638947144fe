/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A histogram with eight buckets per power of two: a bucket is at most 1/8 of its values
 * wide. Every result is the upper end of a bucket.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_HISTOGRAM_BITS    40 /* values of more bits count as the largest: 18 minutes in ns */
#define KT_HISTOGRAM_BUCKETS (8 * (KT_HISTOGRAM_BITS - 2))

struct kt_histogram {
	uint32_t counts[KT_HISTOGRAM_BUCKETS];
};

/* The bucket of value; the largest value of bucket. */
unsigned int kt_histogram_bucket(uint64_t value);
uint64_t kt_histogram_upper(unsigned int bucket);

void kt_histogram_add(struct kt_histogram *h, uint64_t value);
uint64_t kt_histogram_count(const struct kt_histogram *h);

/*
 * Nearest-rank percentile; thousandths 990: p99. The upper end of the smallest bucket such
 * that at least thousandths / 1000 of the values are in it or below. 0 without values.
 */
uint64_t kt_histogram_percentile(const struct kt_histogram *h, unsigned int thousandths);

/* Writes the counts as little-endian u32 without trailing zeros; returns the bytes written. */
size_t kt_histogram_write(const struct kt_histogram *h, uint8_t to[4 * KT_HISTOGRAM_BUCKETS]);
/* Reads kt_histogram_write() back. -EINVAL: bytes are no counts. */
int kt_histogram_read(struct kt_histogram *ret_h, const uint8_t *bytes, size_t len) _kt_must_check_;
