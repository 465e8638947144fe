/* SPDX-License-Identifier: GPL-2.0-only */
/* Compressed kernel images: setup header, formats, damage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kernel/bzimage.h"
#include "base/child.h"
#include "tests/unit/test.h"

#define HEADER	    0x1000u /* seven setup sectors and the boot sector */
#define PAYLOAD_GAP 0x40u   /* from the end of the header to the payload */
#define UNPACKED    100000u

static void put(struct kt_buf *image, size_t offset, uint32_t value, size_t size)
{
	memcpy(image->data + offset, &value, size);
}

static uint8_t original(size_t i)
{
	return (uint8_t)(i * i >> 7);
}

/* The header with a payload behind it; the size word is the payload's last. */
static void make_image(struct kt_buf *image, const void *payload, size_t size)
{
	static const char release[] = "6.12.9-fake (x@y) #1";
	static const uint8_t zeros[HEADER + PAYLOAD_GAP];

	assert_int_equal(kt_buf_append(image, zeros, sizeof(zeros)), 0);
	assert_int_equal(kt_buf_append(image, payload, size), 0);
	put(image, 0x1f1, 7, 1);
	memcpy(image->data + 0x202, "HdrS", 4);
	put(image, 0x206, 0x20f, 2);
	put(image, 0x20e, 0x300, 2);
	memcpy(image->data + 0x500, release, sizeof(release));
	put(image, 0x248, PAYLOAD_GAP, 4);
	put(image, 0x24c, (uint32_t)size, 4);
}

static void gzip(struct kt_buf *out)
{
	uint8_t *data = malloc(UNPACKED);
	z_stream z = { .next_in = data, .avail_in = UNPACKED };

	assert_non_null(data);
	for (size_t i = 0; i < UNPACKED; i++)
		data[i] = original(i);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, 0), Z_OK);
	assert_int_equal(kt_buf_reserve(out, UNPACKED), 0);
	z.next_out = out->data;
	z.avail_out = UNPACKED;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	deflateEnd(&z);
	free(data);
}

static void check_unpacked(int fd)
{
	uint8_t data[UNPACKED + 1];

	assert_int_equal(pread(fd, data, sizeof(data), 0), UNPACKED);
	for (size_t i = 0; i < UNPACKED; i++)
		assert_int_equal(data[i], original(i));
}

TEST(test_gzip)
{
	_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(0), image = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int fd = -1;
	struct kt_bzimage bz;

	gzip(&payload);
	make_image(&image, payload.data, payload.len);
	assert_true(kt_bzimage_is(image.data, image.len));
	assert_ok(kt_bzimage_parse(&bz, image.data, image.len, &diag));
	assert_string_equal(bz.release, "6.12.9-fake");
	assert_string_equal(bz.compression->name, "gzip");
	assert_int_equal(bz.unpacked_size, UNPACKED);
	assert_ok(kt_bzimage_unpack(&bz, &fd, &diag));
	check_unpacked(fd);
}

/* Packs with a program; false if it is not installed. */
static bool pack(const char *command, struct kt_buf *out)
{
	char path[] = "/tmp/ktest-bzimage-XXXXXX", script[256];
	const char *const argv[] = { "sh", "-c", script, NULL };
	_cleanup_(kt_closep) int fd = mkstemp(path);
	struct kt_child step = KT_CHILD_INIT;
	uint8_t data[UNPACKED];
	uint32_t size = UNPACKED;
	int r;

	for (size_t i = 0; i < UNPACKED; i++)
		data[i] = original(i);
	assert_int_equal(write(fd, data, UNPACKED), UNPACKED);
	snprintf(script, sizeof(script), "command -v %.*s >/dev/null || exit 9; %s <%s",
		 (int)strcspn(command, " "), command, command, path);
	step.argv = argv;
	step.output = out;
	r = kt_child_run(&step, NULL);
	unlink(path);
	assert_int_equal(kt_buf_append(out, &size, 4), 0);
	return !r;
}

static void check_program(const char *command, const char *format)
{
	_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(0), image = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int fd = -1;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bzimage bz;

	if (!pack(command, &payload))
		skip();
	make_image(&image, payload.data, payload.len);
	assert_int_equal(kt_bzimage_parse(&bz, image.data, image.len, &diag), 0);
	assert_string_equal(bz.compression->name, format);
	assert_int_equal(kt_bzimage_unpack(&bz, &fd, &diag), 0);
	check_unpacked(fd);
	/* A wrong unpacked size, smaller or larger, is damage. */
	kt_closep(&fd);
	bz.unpacked_size--;
	assert_int_equal(kt_bzimage_unpack(&bz, &fd, &diag), KT_BZIMAGE_E_BAD);
	bz.unpacked_size += 2;
	assert_int_equal(kt_bzimage_unpack(&bz, &fd, &diag), KT_BZIMAGE_E_BAD);
	assert_contains(diag.cause, "payload");
}

TEST(test_xz)
{
	check_program("xz -c --check=crc32 --x86 --lzma2", "xz");
}

TEST(test_zstd)
{
	/* As the kernel's build calls it; the window has 128 MiB, the decoder's bound. */
	check_program("zstd -qc -22 --ultra", "zstd");
}

TEST(test_lz4)
{
	check_program("lz4 -lcq", "lz4");
}

TEST(test_lzma)
{
	check_program("xz -c --format=lzma", "lzma");
}

TEST(test_bzip2)
{
	check_program("bzip2 -c", "bzip2");
}

TEST(test_damaged_gzip)
{
	_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(0), image = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int fd = -1;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_bzimage bz;

	gzip(&payload);
	payload.data[payload.len / 2] ^= 0xff;
	make_image(&image, payload.data, payload.len);
	assert_int_equal(kt_bzimage_parse(&bz, image.data, image.len, &diag), 0);
	assert_int_equal(kt_bzimage_unpack(&bz, &fd, &diag), KT_BZIMAGE_E_BAD);
	assert_int_equal(fd, -1);
}

TEST(test_each_bad_field_is_named)
{
	static const struct {
		size_t offset, size;
		uint32_t value;
		const char *field;
	} cases[] = {
		{ 0x202, 1, 'X', "header" },
		{ 0x206, 2, 0x207, "version" },
		{ 0x248, 4, 0xffffffff, "payload_offset" },
		{ 0x24c, 4, 0xffffffff, "payload_offset" },
		{ 0x24c, 4, 4, "payload_length" },
		{ 0x248, 4, 0, "payload" },
		{ HEADER + PAYLOAD_GAP, 1, 0, "compressed in no known way" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(0);
		_cleanup_(kt_buf_deinit) struct kt_buf image = KT_BUF_INIT(0);
		struct kt_diag diag = KT_DIAG_INIT;
		struct kt_bzimage bz;

		gzip(&payload);
		make_image(&image, payload.data, payload.len);
		put(&image, cases[i].offset, cases[i].value, cases[i].size);
		assert_int_equal(kt_bzimage_parse(&bz, image.data, image.len, &diag),
				 KT_BZIMAGE_E_BAD);
		if (!strstr(diag.cause, cases[i].field))
			fail_msg("'%s' does not name %s", diag.cause, cases[i].field);
	}
}

TEST(test_truncation_anywhere)
{
	_cleanup_(kt_buf_deinit) struct kt_buf payload = KT_BUF_INIT(0), image = KT_BUF_INIT(0);
	struct kt_bzimage bz;

	gzip(&payload);
	make_image(&image, payload.data, payload.len);
	for (size_t len = 0; len < image.len; len += len < 0x300 ? 1 : 97) {
		uint8_t *copy = malloc(len ? len : 1);

		assert_non_null(copy);
		memcpy(copy, image.data, len);
		assert_int_equal(kt_bzimage_parse(&bz, copy, len, NULL), KT_BZIMAGE_E_BAD);
		free(copy);
	}
}
