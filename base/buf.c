/* SPDX-License-Identifier: GPL-2.0-only */
/* Growable byte buffer; see buf.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"

void kt_buf_deinit(struct kt_buf *buf)
{
	free(buf->data);
	*buf = KT_BUF_INIT(buf->max);
}

int kt_buf_reserve(struct kt_buf *buf, size_t extra)
{
	size_t need, cap;
	uint8_t *data;

	/* One byte more than asked for, for the 0 of kt_buf_str(). */
	if (__builtin_add_overflow(buf->len, extra, &need) || need > SIZE_MAX / 2 - 1)
		return kt_raise(-ENOBUFS);
	if (!kt_buf_has_room(buf, extra))
		return kt_raise(-ENOBUFS);
	if (need + 1 <= buf->cap)
		return 0;
	cap = buf->cap ? buf->cap : 256;
	while (cap < need + 1)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data)
		return kt_raise(-ENOMEM);
	buf->data = data;
	buf->cap = cap;
	return 0;
}

int kt_buf_append(struct kt_buf *buf, const void *data, size_t len)
{
	KT_TRY(kt_buf_reserve(buf, len));
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

int kt_buf_append_le(struct kt_buf *buf, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	kt_put_le(bytes, value, size);
	return kt_forward(kt_buf_append(buf, bytes, size));
}

int kt_buf_append_word(struct kt_buf *buf, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./+:=@,";
	size_t len;
	int r;

	if (word[0] && !word[strspn(word, plain)])
		return kt_forward(kt_buf_append(buf, word, strlen(word)));
	/* "'" ends a quoted word: it is written '\''. */
	r = kt_buf_append(buf, "'", 1);
	for (; !r && *word; word += len) {
		len = strcspn(word, "'") ?: 1;
		r = *word == '\'' ? kt_buf_append(buf, "'\\''", 4) : kt_buf_append(buf, word, len);
	}
	return r ? kt_forward(r) : kt_forward(kt_buf_append(buf, "'", 1));
}

int kt_buf_printf(struct kt_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return kt_raise(-EINVAL);
	KT_TRY(kt_buf_reserve(buf, (size_t)n));
	va_start(ap, fmt);
	vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return 0;
}

void kt_buf_consume(struct kt_buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

const char *kt_buf_str(struct kt_buf *buf)
{
	if (!buf->data)
		return "";
	buf->data[buf->len] = 0;
	return (const char *)buf->data;
}
