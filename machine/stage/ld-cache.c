/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ld.so.cache; see ld-cache.h.
 *
 *   header, 48 bytes: magic and version "glibc-ld.so.cache1.1" (20), number of
 *   libraries, bytes of strings, flags and reserved fields
 *   per library 24 bytes: flags, offset of the name, offset of the path, OS
 *   version, hardware capabilities (8)
 *   strings, each ended by a 0; offsets count from the start of the header
 */
#include <stdint.h>
#include <string.h>

#include "base/cursor.h"
#include "machine/stage/ld-cache.h"

#define MAGIC	    "glibc-ld.so.cache1.1"
#define HEADER_SIZE 48
#define FLAGS_X8664 0x0303 /* ELF, libc 6, x86-64 in 64 bits */

static const char *string_at(const char *data, size_t len, uint64_t at)
{
	return at < len && memchr(data + at, 0, len - at) ? data + at : NULL;
}

const char *kt_ld_cache_find(const void *data, size_t len, const char *name)
{
	struct kt_cursor c = kt_cursor_over(data, len);
	const char *magic = kt_cursor_take(&c, strlen(MAGIC));
	uint64_t libs = kt_cursor_le(&c, 4);

	kt_cursor_take(&c, HEADER_SIZE - strlen(MAGIC) - 4);
	if (c.failed || memcmp(magic, MAGIC, strlen(MAGIC)))
		return NULL;
	while (libs-- && !c.failed) {
		uint64_t flags = kt_cursor_le(&c, 4);
		const char *key = string_at(data, len, kt_cursor_le(&c, 4));
		const char *path = string_at(data, len, kt_cursor_le(&c, 4));

		kt_cursor_take(&c, 4 + 8);
		if (!c.failed && flags == FLAGS_X8664 && key && path && !strcmp(key, name))
			return path;
	}
	return NULL;
}
