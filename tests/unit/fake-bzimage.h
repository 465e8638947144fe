/* SPDX-License-Identifier: GPL-2.0-only */
/* A made-up bzImage: a setup header and, packed by gzip, the made-up vmlinux. */
#pragma once

#include <zlib.h>

#include "tests/unit/fake-kernel.h"

static inline void fake_gzip(struct kt_buf *out, const struct kt_buf *data)
{
	z_stream z = { .next_in = data->data, .avail_in = (unsigned int)data->len };
	size_t room = data->len + 1024;

	assert_int_equal(kt_buf_reserve(out, room), 0);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, 0), Z_OK);
	z.next_out = out->data + out->len;
	z.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

static inline void fake_put(struct kt_buf *image, size_t offset, uint32_t value, size_t size)
{
	memcpy(image->data + offset, &value, size);
}

/* Appends the image to an empty buffer. */
static inline void fake_bzimage(struct kt_buf *out, const struct fake_spec *spec)
{
	enum { HEADER = 0x400, RELEASE = 0x300 };
	struct kt_buf vmlinux = KT_BUF_INIT(0);
	static const uint8_t zeros[HEADER];
	char release[128];

	fake_kernel(&vmlinux, spec);
	assert_int_equal(kt_buf_append(out, zeros, sizeof(zeros)), 0);
	fake_gzip(out, &vmlinux);
	fake_put(out, 0x1f1, 1, 1);
	memcpy(out->data + 0x202, "HdrS", 4);
	fake_put(out, 0x206, 0x20f, 2);
	fake_put(out, 0x20e, RELEASE - 0x200, 2);
	fake_put(out, 0x248, 0, 4);
	fake_put(out, 0x24c, (uint32_t)(out->len - HEADER), 4);
	snprintf(release, sizeof(release), "%s (x@y) #1",
		 spec->release ? spec->release : FAKE_RELEASE);
	memcpy(out->data + RELEASE, release, strlen(release) + 1);
	kt_buf_deinit(&vmlinux);
}
