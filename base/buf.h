/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A growable byte buffer with a hard limit. The buffer owns its bytes; a failed append
 * leaves the buffer unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kt_buf {
	uint8_t *data; /* owned; NULL while empty */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
	size_t max;    /* limit of len, bytes; 0: no limit */
};

#define KT_BUF_INIT(max_bytes) ((struct kt_buf){ .max = (max_bytes) })

void kt_buf_deinit(struct kt_buf *buf);

/* Whether extra more bytes are within the limit of the buffer. */
static inline bool kt_buf_has_room(const struct kt_buf *buf, size_t extra)
{
	return !buf->max || (buf->len <= buf->max && extra <= buf->max - buf->len);
}

/*
 * Makes room for extra bytes. -ENOMEM; -ENOBUFS beyond max, for which callers ask
 * kt_buf_has_room() first. All appends return the same.
 */
int kt_buf_reserve(struct kt_buf *buf, size_t extra) _kt_must_check_;
int kt_buf_append(struct kt_buf *buf, const void *data, size_t len) _kt_must_check_;
/* Appends value as a little-endian integer of size bytes, 1 to 8. */
int kt_buf_append_le(struct kt_buf *buf, uint64_t value, size_t size) _kt_must_check_;
/* Appends word, quoted for a POSIX shell where necessary. */
int kt_buf_append_word(struct kt_buf *buf, const char *word) _kt_must_check_;
int kt_buf_printf(struct kt_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) _kt_must_check_;

/* Drops the first len bytes, or all bytes if there are fewer. */
void kt_buf_consume(struct kt_buf *buf, size_t len);

/* The bytes as a C string, borrowed until the next call on buf; "" while empty. */
const char *kt_buf_str(struct kt_buf *buf);
