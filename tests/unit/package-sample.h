/* SPDX-License-Identifier: GPL-2.0-only */
/* Package files made up in memory: .deb, .rpm and packed tar files. */
#pragma once

#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/buf.h"
#include "tests/unit/test.h"

#define SAMPLE_PAX 1 /* no type of a file */

struct sample_file {
	const char *path; /* NULL ends a list */
	const void *data; /* NULL: the path */
	size_t size;
	unsigned int type;    /* 0: AE_IFREG */
	const char *symlink;  /* its target */
	const char *hardlink; /* its target */
	unsigned int nlink;   /* of an .rpm: the number of names; 0: one */
	const char *pax_path; /* of a tar file: the path, in a header of its own */
	int64_t claimed;      /* of a tar file: the size that is said, without data */
};

typedef int sample_format_fn(struct archive *);

/* Not archive_write_add_filter(), which links every format that libarchive can write. */
static inline int sample_add_filter(struct archive *a, int filter)
{
	switch (filter) {
	case ARCHIVE_FILTER_XZ:
		return archive_write_add_filter_xz(a);
	case ARCHIVE_FILTER_ZSTD:
		return archive_write_add_filter_zstd(a);
	case ARCHIVE_FILTER_GZIP:
		return archive_write_add_filter_gzip(a);
	}
	return archive_write_add_filter_none(a);
}

static inline la_ssize_t sample_write(struct archive *a, void *out, const void *data, size_t len)
{
	return kt_buf_append(out, data, len) ? -1 : (la_ssize_t)len;
}

static inline void sample_entry(struct archive *a, const struct sample_file *file)
{
	const char *data = file->data ? file->data : file->path;
	size_t size = file->data ? file->size : strlen(file->path);
	struct archive_entry *e = archive_entry_new();

	assert_non_null(e);
	archive_entry_set_pathname(e, file->path);
	archive_entry_set_filetype(e, file->type ? file->type : AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_nlink(e, file->nlink);
	archive_entry_set_ino(e, file->nlink);
	if (file->type || file->symlink || file->hardlink)
		size = 0;
	if (file->symlink)
		archive_entry_set_symlink(e, file->symlink);
	if (file->hardlink)
		archive_entry_set_hardlink(e, file->hardlink);
	archive_entry_set_size(e, (int64_t)size);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	if (size)
		assert_int_equal(archive_write_data(a, data, size), size);
	archive_entry_free(e);
}

/* filter: libarchive's code, ARCHIVE_FILTER_NONE: not packed. */
static inline void sample_archive(struct kt_buf *out, sample_format_fn *set_format, int filter,
				  const struct sample_file *files)
{
	struct archive *a = archive_write_new();

	assert_non_null(a);
	assert_int_equal(set_format(a), ARCHIVE_OK);
	assert_int_equal(sample_add_filter(a, filter), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open(a, out, NULL, sample_write, NULL), ARCHIVE_OK);
	for (; files->path; files++)
		sample_entry(a, files);
	archive_write_close(a);
	archive_write_free(a);
}

/* Packs the bytes. */
static inline void sample_pack(struct kt_buf *out, int filter, const struct kt_buf *data)
{
	sample_archive(out, archive_write_set_format_raw, filter,
		       (const struct sample_file[]){ { "data", data->data, data->len }, { NULL } });
}

/* A header of a tar file, POSIX ustar. Written here: libarchive's writer links libxml2. */
static inline void sample_tar_header(struct kt_buf *out, const struct sample_file *file,
				     size_t size)
{
	const char *target = file->symlink ? file->symlink : file->hardlink;
	char block[512] = "", type = '0';
	unsigned int sum = 0;

	if (file->hardlink)
		type = '1';
	else if (file->type)
		type = file->type == SAMPLE_PAX ? 'x' :
		       file->type == AE_IFLNK	? '2' :
		       file->type == AE_IFDIR	? '5' :
						  '6';
	snprintf(block, 100, "%s", file->path);
	snprintf(block + 100, 24, "0000644%c0000000%c0000000", 0, 0);
	snprintf(block + 124, 12, "%011llo",
		 (unsigned long long)(file->claimed ? file->claimed : (int64_t)size));
	snprintf(block + 136, 12, "%011o", 0);
	block[156] = type;
	snprintf(block + 157, 100, "%s", target ? target : "");
	memcpy(block + 257, "ustar\00000", 8);
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 7, "%06o", sum);
	assert_int_equal(kt_buf_append(out, block, sizeof(block)), 0);
}

/* The header that comes before a file's own where that cannot say all, POSIX pax. */
static inline void sample_pax_header(struct kt_buf *out, const char *path)
{
	static const uint8_t zeros[512];
	char record[128];
	size_t size;

	/* The record begins with its own length, of two digits. */
	size = (size_t)snprintf(record, sizeof(record), "00 path=%s\n", path);
	assert_true(size >= 10 && size <= 99);
	record[0] = (char)('0' + size / 10);
	record[1] = (char)('0' + size % 10);
	sample_tar_header(out, &(struct sample_file){ .path = "pax", .type = SAMPLE_PAX }, size);
	assert_int_equal(kt_buf_append(out, record, size), 0);
	assert_int_equal(kt_buf_append(out, zeros, -size & 511), 0);
}

static inline void sample_tar(struct kt_buf *out, int filter, const struct sample_file *files)
{
	static const uint8_t zeros[1024];
	struct kt_buf tar = KT_BUF_INIT(0);

	for (; files->path; files++) {
		size_t size = files->data ? files->size : strlen(files->path);

		if (files->type || files->hardlink || files->claimed)
			size = 0;
		if (files->pax_path)
			sample_pax_header(&tar, files->pax_path);
		sample_tar_header(&tar, files, size);
		assert_int_equal(kt_buf_append(&tar, files->data ? files->data : files->path, size),
				 0);
		assert_int_equal(kt_buf_append(&tar, zeros, -size & 511), 0);
	}
	assert_int_equal(kt_buf_append(&tar, zeros, sizeof(zeros)), 0);
	if (filter == ARCHIVE_FILTER_NONE)
		assert_int_equal(kt_buf_append(out, tar.data, tar.len), 0);
	else
		sample_pack(out, filter, &tar);
	kt_buf_deinit(&tar);
}

/* name: of the member with the files, "data.tar.xz". */
static inline void sample_deb_of(struct kt_buf *out, const char *name, int filter,
				 const struct sample_file *files)
{
	struct kt_buf tar = KT_BUF_INIT(0);

	sample_tar(&tar, filter, files);
	sample_archive(out, archive_write_set_format_ar_svr4, ARCHIVE_FILTER_NONE,
		       (const struct sample_file[]){
			       { "debian-binary", "2.0\n", 4 },
			       { "control.tar.xz", "not looked at", 13 },
			       { name, tar.data, tar.len },
			       { NULL },
		       });
	kt_buf_deinit(&tar);
}

static inline void sample_deb(struct kt_buf *out, int filter, const struct sample_file *files)
{
	sample_deb_of(out, "data.tar.x", filter, files);
}

/* A header of an .rpm, whose entries and data nobody reads. */
static inline void sample_rpm_header(struct kt_buf *out, uint8_t entries, uint8_t bytes)
{
	const uint8_t head[16] = { 0x8e, 0xad, 0xe8, 1, [11] = entries, [15] = bytes };
	static const uint8_t body[16 * 8 + 64];

	assert_true(16u * entries + bytes <= sizeof(body));
	assert_int_equal(kt_buf_append(out, head, sizeof(head)), 0);
	assert_int_equal(kt_buf_append(out, body, 16u * entries + bytes), 0);
}

static inline void sample_rpm(struct kt_buf *out, int filter, const struct sample_file *files)
{
	static const uint8_t lead[96] = { 0xed, 0xab, 0xee, 0xdb, 3 }, padding[3];

	assert_int_equal(kt_buf_append(out, lead, sizeof(lead)), 0);
	sample_rpm_header(out, 2, 5);
	assert_int_equal(kt_buf_append(out, padding, sizeof(padding)), 0);
	sample_rpm_header(out, 8, 61);
	sample_archive(out, archive_write_set_format_cpio_newc, filter, files);
}
