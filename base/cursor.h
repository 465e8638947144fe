/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded reader of hostile bytes. A read past the end sets `failed`, returns zeros and
 * leaves the cursor at the end, so that a decoder reads all its fields and tests `failed`
 * once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct kt_cursor {
	const uint8_t *pos; /* borrowed */
	const uint8_t *end;
	bool failed;
};

static inline struct kt_cursor kt_cursor_over(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct kt_cursor){ .pos = p, .end = p ? p + len : p };
}

static inline size_t kt_cursor_left(const struct kt_cursor *c)
{
	return (size_t)(c->end - c->pos);
}

/* Returns len bytes, borrowed from the cursor's data; NULL past the end. */
static inline const void *kt_cursor_take(struct kt_cursor *c, size_t len)
{
	const uint8_t *p = c->pos;

	if (kt_cursor_left(c) < len) {
		c->failed = true;
		c->pos = c->end;
		return NULL;
	}
	c->pos += len;
	return p;
}

/* Reads a little-endian unsigned integer of size bytes, 1 to 8. */
static inline uint64_t kt_cursor_le(struct kt_cursor *c, size_t size)
{
	const uint8_t *p = kt_cursor_take(c, size);
	uint64_t v = 0;

	if (p)
		for (size_t i = 0; i < size; i++)
			v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* Writes value as a little-endian integer of size bytes; returns the byte after it. */
static inline uint8_t *kt_put_le(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*to++ = (uint8_t)(value >> (8 * i));
	return to;
}
