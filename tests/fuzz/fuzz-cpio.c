/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Archives as init takes them from the host. The way they are cut into pieces
 * must not matter: what comes of one piece comes of many.
 */
#include <stdlib.h>
#include <string.h>

#include "init/staging/cpio-read.h"
#include "tests/fuzz/fuzz.h"

struct sum {
	uint64_t members, ends, bytes, promised;
};

static int on_begin(void *arg, const struct kt_cpio_member *m)
{
	struct sum *s = arg;

	if (!m->name[0] || strlen(m->name) >= KT_CPIO_NAME_MAX)
		abort();
	s->members++;
	s->promised += m->size;
	return 0;
}

static int on_data(void *arg, const void *data, size_t len)
{
	struct sum *s = arg;

	s->bytes += len;
	return 0;
}

static int on_end(void *arg)
{
	struct sum *s = arg;

	s->ends++;
	if (s->bytes != s->promised || s->ends != s->members)
		abort();
	return 0;
}

static int read_in_pieces(struct sum *sum, bool *ret_whole, const uint8_t *data, size_t size,
			  size_t piece)
{
	static const struct kt_cpio_sink sink = { on_begin, on_data, on_end };
	struct kt_cpio_reader reader;
	int r = 0;

	*sum = (struct sum){ 0 };
	kt_cpio_reader_init(&reader, &sink, sum);
	for (size_t at = 0; at < size && !r; at += piece)
		r = kt_cpio_read(&reader, data + at, size - at < piece ? size - at : piece);
	*ret_whole = kt_cpio_read_is_whole(&reader);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum one, many;
	bool one_whole, many_whole;
	int r = read_in_pieces(&one, &one_whole, data, size, size ? size : 1);

	if (r != read_in_pieces(&many, &many_whole, data, size, 7) || one_whole != many_whole ||
	    one.members != many.members || one.bytes != many.bytes)
		abort();
	return 0;
}
