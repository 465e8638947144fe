/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decompression by libarchive; see decompress.h. The decoder is named by ktest and not chosen by
 * libarchive, which could choose a chain of decoders or start a program.
 */
#include <stdbool.h>
#include <string.h>

#include <archive.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "kernel/archive.h"
#include "kernel/decompress.h"

static const struct kt_compression compressions[] = {
	{ "gzip", "\x1f\x8b\x08", 3, ARCHIVE_FILTER_GZIP },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD },
	{ "xz", "\xfd\x37zXZ", 5, ARCHIVE_FILTER_XZ },
	/* The legacy format, which the kernel's build and "lz4 -l" write; and the present one. */
	{ "lz4", "\x02\x21\x4c\x18", 4, ARCHIVE_FILTER_LZ4 },
	{ "lz4", "\x04\x22\x4d\x18", 4, ARCHIVE_FILTER_LZ4 },
	{ "lzma", "\x5d\x00\x00", 3, ARCHIVE_FILTER_LZMA },
	{ "bzip2", "BZh", 3, ARCHIVE_FILTER_BZIP2 },
};

const struct kt_compression *kt_compression_of(const void *data, size_t size)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(compressions); i++)
		if (size >= compressions[i].magic_size &&
		    !memcmp(data, compressions[i].magic, compressions[i].magic_size))
			return &compressions[i];
	return NULL;
}

static int failed(struct archive *a, struct kt_diag *diag)
{
	return kt_fail(diag, KT_DECOMPRESS_E_BAD, "%s", kt_archive_words(a));
}

static int open_stream(struct archive *a, int filter, const void *data, size_t size,
		       struct kt_diag *diag)
{
	struct archive_entry *entry;

	if (archive_read_support_format_raw(a) || archive_read_append_filter(a, filter) ||
	    archive_read_open_memory(a, data, size) || archive_read_next_header(a, &entry))
		return failed(a, diag);
	return 0;
}

/* The other formats' decoders check what they decode; libarchive's of gzip does not. */
static bool gzip_holds(const uint8_t *data, size_t size, uint32_t crc)
{
	struct kt_cursor trailer =
		size < 8 ? kt_cursor_over(NULL, 0) : kt_cursor_over(data + size - 8, 4);
	uint32_t said = (uint32_t)kt_cursor_le(&trailer, 4);

	return !trailer.failed && said == crc;
}

int kt_decompress(const struct kt_compression *compression, const void *data, size_t size, int fd,
		  uint64_t max_bytes, uint64_t *ret_bytes, struct kt_diag *diag)
{
	_cleanup_(kt_archive_freep) struct archive *a = archive_read_new();
	bool is_gzip = compression->filter == ARCHIVE_FILTER_GZIP;
	uint64_t bytes = 0;
	uint32_t crc = 0;
	const void *block;
	size_t len;
	int64_t at;
	int r;

	if (!a)
		return kt_raise(-ENOMEM);
	KT_TRY(open_stream(a, compression->filter, data, size, diag));
	while ((r = archive_read_data_block(a, &block, &len, &at)) == ARCHIVE_OK) {
		if (len > max_bytes - bytes)
			return kt_fail(diag, KT_DECOMPRESS_E_LARGE, "more than %llu bytes",
				       (unsigned long long)max_bytes);
		KT_TRY(kt_write_all(fd, block, len));
		bytes += len;
		if (is_gzip)
			crc = (uint32_t)crc32_z(crc, block, len);
	}
	if (r != ARCHIVE_EOF)
		return failed(a, diag);
	if (is_gzip && !gzip_holds(data, size, crc))
		return kt_fail(diag, KT_DECOMPRESS_E_BAD, "its checksum is another");
	*ret_bytes = bytes;
	return 0;
}
