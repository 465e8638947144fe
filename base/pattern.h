/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes derived from a seed: the guest makes the bytes, the host verifies them. Each
 * request has its own seed, so that an old answer, or an answer of another machine, does
 * not verify.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators". */
static inline uint64_t kt_pattern_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline void kt_pattern_fill(uint8_t *data, size_t len, uint64_t seed)
{
	uint64_t state = seed, bits = 0;

	for (size_t i = 0; i < len; i++, bits >>= 8) {
		if (i % 8 == 0)
			bits = kt_pattern_next(&state);
		data[i] = (uint8_t)bits;
	}
}
