/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms; see histogram.h. */
#include <endian.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/histogram.h"

/* Each value below 16 has its own bucket, because 1/8 of it is less than 1. */
unsigned int kt_histogram_bucket(uint64_t value)
{
	unsigned int exponent;

	if (value >> KT_HISTOGRAM_BITS)
		return KT_HISTOGRAM_BUCKETS - 1;
	if (value < 8)
		return (unsigned int)value;
	exponent = 63u - (unsigned int)__builtin_clzll(value);
	return 8 * (exponent - 2) + (unsigned int)(value >> (exponent - 3) & 7);
}

uint64_t kt_histogram_upper(unsigned int bucket)
{
	unsigned int exponent = bucket / 8 + 2;

	if (bucket < 8)
		return bucket;
	return ((UINT64_C(8) + bucket % 8 + 1) << (exponent - 3)) - 1;
}

void kt_histogram_add(struct kt_histogram *h, uint64_t value)
{
	uint32_t *count = &h->counts[kt_histogram_bucket(value)];

	*count += *count < UINT32_MAX;
}

uint64_t kt_histogram_count(const struct kt_histogram *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i < KT_HISTOGRAM_BUCKETS; i++)
		count += h->counts[i];
	return count;
}

uint64_t kt_histogram_percentile(const struct kt_histogram *h, unsigned int thousandths)
{
	uint64_t count = kt_histogram_count(h), seen = 0;
	uint64_t rank = (count * thousandths + 999) / 1000;

	if (!count)
		return 0;
	rank = KT_MAX(rank, UINT64_C(1));
	for (unsigned int i = 0; i < KT_HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return kt_histogram_upper(i);
	}
	return kt_histogram_upper(KT_HISTOGRAM_BUCKETS - 1);
}

size_t kt_histogram_write(const struct kt_histogram *h, uint8_t to[4 * KT_HISTOGRAM_BUCKETS])
{
	size_t used = KT_HISTOGRAM_BUCKETS;

	while (used && !h->counts[used - 1])
		used--;
	for (size_t i = 0; i < used; i++) {
		uint32_t count = htole32(h->counts[i]);

		memcpy(to + 4 * i, &count, sizeof(count));
	}
	return 4 * used;
}

int kt_histogram_read(struct kt_histogram *ret_h, const uint8_t *bytes, size_t len)
{
	if (len % 4 || len > 4 * KT_HISTOGRAM_BUCKETS)
		return -EINVAL;
	memset(ret_h, 0, sizeof(*ret_h));
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t count;

		memcpy(&count, bytes + 4 * i, sizeof(count));
		ret_h->counts[i] = le32toh(count);
	}
	return 0;
}
