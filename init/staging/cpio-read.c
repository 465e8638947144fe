/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incremental reader of newc cpio archives; see cpio-read.h. A state machine over the parts of a
 * member (header, name, padding, data, padding); `left` counts the missing bytes of a part, so that
 * pieces may end anywhere. Sanity of names and types is left to the sink.
 */
#include <string.h>

#include "base/cleanup.h"
#include "init/staging/cpio-read.h"

#define MAGIC	"070701"
#define TRAILER "TRAILER!!!"

/* Fields of the header, eight hexadecimal digits each, behind the magic. */
enum { FIELD_MODE = 1, FIELD_SIZE = 6, FIELD_MAJOR = 9, FIELD_MINOR = 10, FIELD_NAME = 11 };

void kt_cpio_reader_init(struct kt_cpio_reader *r, const struct kt_cpio_sink *sink, void *arg)
{
	*r = (struct kt_cpio_reader){ .sink = sink, .arg = arg, .left = KT_CPIO_HEADER_BYTES };
}

static int malformed(struct kt_cpio_reader *r, const char *why)
{
	r->why = why;
	return KT_CPIO_E_FORM;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const struct kt_cpio_reader *r, int field, uint32_t *ret)
{
	const uint8_t *p = r->header + strlen(MAGIC) + 8 * field;

	*ret = 0;
	for (int i = 0; i < 8; i++) {
		int d = digit(p[i]);

		if (d < 0)
			return false;
		*ret = *ret << 4 | (uint32_t)d;
	}
	return true;
}

static void enter(struct kt_cpio_reader *r, enum kt_cpio_part part, size_t bytes)
{
	r->part = part;
	r->left = bytes;
}

static int take_header(struct kt_cpio_reader *r)
{
	struct kt_cpio_member *m = &r->member;

	if (memcmp(r->header, MAGIC, strlen(MAGIC)))
		return malformed(r, "a member has no newc header");
	if (!hex(r, FIELD_MODE, &m->mode) || !hex(r, FIELD_SIZE, &m->size) ||
	    !hex(r, FIELD_MAJOR, &m->major_nr) || !hex(r, FIELD_MINOR, &m->minor_nr) ||
	    !hex(r, FIELD_NAME, &r->name_bytes))
		return malformed(r, "a header has a field that is no number");
	if (r->name_bytes < 2 || r->name_bytes > KT_CPIO_NAME_MAX)
		return malformed(r, "a member has no name, or too long a one");
	r->ended = false;
	enter(r, KT_CPIO_NAME, r->name_bytes);
	return 0;
}

static int take_name(struct kt_cpio_reader *r)
{
	if (memchr(r->name, 0, r->name_bytes) != r->name + r->name_bytes - 1)
		return malformed(r, "a name is not as long as its header says");
	r->member.name = r->name;
	r->ended = !strcmp(r->name, TRAILER);
	if (r->ended && r->member.size)
		return malformed(r, "the trailer has data");
	enter(r, KT_CPIO_NAME_PAD, -(KT_CPIO_HEADER_BYTES + r->name_bytes) & 3);
	return r->ended ? 0 : r->sink->begin(r->arg, &r->member);
}

static int take_data(struct kt_cpio_reader *r)
{
	enter(r, KT_CPIO_DATA_PAD, -r->member.size & 3);
	return r->ended ? 0 : r->sink->end(r->arg);
}

/* Finishes the current part and enters the next. */
static int next_part(struct kt_cpio_reader *r)
{
	switch (r->part) {
	case KT_CPIO_HEADER:
		return take_header(r);
	case KT_CPIO_NAME:
		return take_name(r);
	case KT_CPIO_NAME_PAD:
		enter(r, KT_CPIO_DATA, r->member.size);
		return 0;
	case KT_CPIO_DATA:
		return take_data(r);
	default:
		enter(r, KT_CPIO_HEADER, KT_CPIO_HEADER_BYTES);
		return 0;
	}
}

static int take_bytes(struct kt_cpio_reader *r, const uint8_t *data, size_t len)
{
	int result = 0;

	if (r->part == KT_CPIO_HEADER)
		memcpy(r->header + KT_CPIO_HEADER_BYTES - r->left, data, len);
	else if (r->part == KT_CPIO_NAME)
		memcpy(r->name + r->name_bytes - r->left, data, len);
	else if (r->part == KT_CPIO_DATA)
		result = r->sink->data(r->arg, data, len);
	r->left -= len;
	return result;
}

static bool is_between(const struct kt_cpio_reader *r)
{
	return r->ended && r->part == KT_CPIO_HEADER && r->left == KT_CPIO_HEADER_BYTES;
}

int kt_cpio_read(struct kt_cpio_reader *r, const void *data, size_t len)
{
	const uint8_t *p = data;
	int result = 0;

	for (;;) {
		size_t n;

		while (!r->left && !result)
			result = next_part(r);
		if (result || !len)
			return result;
		n = KT_MIN(r->left, len);
		if (is_between(r) && !*p)
			n = 1;
		else
			result = take_bytes(r, p, n);
		p += n;
		len -= n;
	}
}

bool kt_cpio_read_is_whole(const struct kt_cpio_reader *r)
{
	return is_between(r);
}
