/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packages of distributions; see package.h. Each is an archive (ar, cpio, tar) in at most one
 * compressed stream. As in decompress.c, libarchive is told which decoder and which format to use
 * and chooses none.
 */
#include <stdbool.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "kernel/archive.h"
#include "kernel/decompress.h"
#include "kernel/import/package.h"

/* The first member of a .deb, deb(5). */
#define DEB_MAGIC "!<arch>\ndebian-binary"

/* The format of .rpm: rpm.org, "RPM Package File Structure". */
#define RPM_MAGIC	 "\xed\xab\xee\xdb"
#define RPM_HEADER_MAGIC "\x8e\xad\xe8\x01"
#define RPM_LEAD	 96u
#define RPM_INDEX_ENTRY	 16u

#define TAR_MAGIC    "ustar"
#define TAR_MAGIC_AT 257u

static bool begins(const void *data, size_t size, const char *magic)
{
	return size >= strlen(magic) && !memcmp(data, magic, strlen(magic));
}

enum kt_package_format kt_package_format(const void *data, size_t size)
{
	if (begins(data, size, DEB_MAGIC))
		return KT_PACKAGE_DEB;
	if (begins(data, size, RPM_MAGIC))
		return KT_PACKAGE_RPM;
	if (kt_compression_of(data, size) ||
	    (size > TAR_MAGIC_AT &&
	     begins((const uint8_t *)data + TAR_MAGIC_AT, size - TAR_MAGIC_AT, TAR_MAGIC)))
		return KT_PACKAGE_TAR;
	return KT_PACKAGE_NONE;
}

static int damaged(const char *why, struct kt_diag *diag)
{
	return kt_fail(diag, KT_PACKAGE_E_BAD, "a damaged package: %s", why);
}

/* --- the archive with the files of the system ----------------------------------- */

static int copy_data(struct archive *a, int fd, uint64_t size, struct kt_diag *diag)
{
	uint64_t bytes = 0;
	const void *block;
	size_t len;
	int64_t at;
	int r;

	while ((r = archive_read_data_block(a, &block, &len, &at)) == ARCHIVE_OK) {
		if ((uint64_t)at != bytes || len > size - bytes)
			return damaged("a file with holes", diag);
		KT_TRY(kt_write_all(fd, block, len));
		bytes += len;
	}
	if (r != ARCHIVE_EOF)
		return damaged(kt_archive_words(a), diag);
	return bytes == size ? 0 : damaged("a file is shorter than it should be", diag);
}

/* Whether the bytes of a file with several names come under another name, as in an .rpm. */
static bool is_bare_link(struct archive_entry *e)
{
	return archive_entry_nlink(e) > 1 && !archive_entry_size(e);
}

static int take_entry(struct archive *a, struct archive_entry *e, struct kt_gather *gather,
		      struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = -1;
	int64_t size = archive_entry_size(e);
	/* NULL: not of the locale's characters, and so no file of a kernel. */
	const char *name = archive_entry_pathname(e);
	const struct kt_gather_entry entry = {
		.path = name ? name : "?",
		.bytes = (uint64_t)KT_MAX(size, (int64_t)0),
		.is_file = archive_entry_filetype(e) == AE_IFREG && !is_bare_link(e),
	};

	KT_TRY(kt_gather_take(gather, &entry, &fd, diag));
	return fd < 0 ? 0 : kt_forward(copy_data(a, fd, entry.bytes, diag));
}

static int take_entries(struct archive *a, struct kt_gather *gather, struct kt_diag *diag)
{
	struct archive_entry *e;
	int r;

	/* A warning is about a fact that is not used, as an owner's name. */
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		KT_TRY(take_entry(a, e, gather, diag));
	}
	return r == ARCHIVE_EOF ? 0 : damaged(kt_archive_words(a), diag);
}

/* A reader of a format, for a stream that begins with the given bytes. */
static int open_stream(struct archive *a, int (*add_format)(struct archive *), const void *data,
		       size_t size, struct kt_diag *diag)
{
	const struct kt_compression *compression = kt_compression_of(data, size);

	if (add_format(a) || (compression && archive_read_append_filter(a, compression->filter)))
		return damaged(kt_archive_words(a), diag);
	return 0;
}

static int unpack_stream(int (*add_format)(struct archive *), const void *data, size_t size,
			 struct kt_gather *gather, struct kt_diag *diag)
{
	_cleanup_(kt_archive_freep) struct archive *a = archive_read_new();

	if (!a)
		return kt_raise(-ENOMEM);
	KT_TRY(open_stream(a, add_format, data, size, diag));
	if (archive_read_open_memory(a, data, size))
		return damaged(kt_archive_words(a), diag);
	return kt_forward(take_entries(a, gather, diag));
}

/* --- .deb: an archive in an archive ---------------------------------------------- */

/* The current member of the outer archive, as a stream. */
struct member {
	struct archive *outer;
	const void *first; /* its first block; NULL: read already */
	size_t first_size;
};

static la_ssize_t read_member(struct archive *a, void *data, const void **ret_block)
{
	struct member *member = data;
	size_t len = 0;
	int64_t at;
	int r;

	if (member->first) {
		*ret_block = member->first;
		member->first = NULL;
		return (la_ssize_t)member->first_size;
	}
	r = archive_read_data_block(member->outer, ret_block, &len, &at);
	if (r == ARCHIVE_OK)
		return (la_ssize_t)len;
	if (r != ARCHIVE_EOF)
		archive_set_error(a, EIO, "%s", kt_archive_words(member->outer));
	return r == ARCHIVE_EOF ? 0 : ARCHIVE_FATAL;
}

static int unpack_member(struct archive *outer, struct kt_gather *gather, struct kt_diag *diag)
{
	_cleanup_(kt_archive_freep) struct archive *a = archive_read_new();
	struct member member = { .outer = outer };
	int64_t at;

	if (!a)
		return kt_raise(-ENOMEM);
	if (archive_read_data_block(outer, &member.first, &member.first_size, &at))
		return damaged("data.tar is empty", diag);
	KT_TRY(open_stream(a, archive_read_support_format_tar, member.first, member.first_size,
			   diag));
	if (archive_read_open(a, &member, NULL, read_member, NULL))
		return damaged(kt_archive_words(a), diag);
	return kt_forward(take_entries(a, gather, diag));
}

static int unpack_deb(const void *data, size_t size, struct kt_gather *gather, struct kt_diag *diag)
{
	_cleanup_(kt_archive_freep) struct archive *a = archive_read_new();
	unsigned int members = 0;
	struct archive_entry *e;
	const char *name;
	int r;

	if (!a)
		return kt_raise(-ENOMEM);
	if (archive_read_support_format_ar(a) || archive_read_open_memory(a, data, size))
		return damaged(kt_archive_words(a), diag);
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK &&
	       members++ < KT_KERNEL_FILES_MAX) {
		name = archive_entry_pathname(e);
		if (name && (!strcmp(name, "data.tar") || !strncmp(name, "data.tar.", 9)))
			return kt_forward(unpack_member(a, gather, diag));
	}
	return damaged(r == ARCHIVE_EOF ? "no data.tar in it" : kt_archive_words(a), diag);
}

/* --- .rpm: headers, then a stream ------------------------------------------------- */

static uint32_t big_endian(struct kt_cursor *c)
{
	return __builtin_bswap32((uint32_t)kt_cursor_le(c, 4));
}

static void skip_rpm_header(struct kt_cursor *c)
{
	const char *magic = kt_cursor_take(c, 4);
	uint64_t entries, bytes;

	if (!magic || memcmp(magic, RPM_HEADER_MAGIC, 4)) {
		c->failed = true;
		return;
	}
	kt_cursor_take(c, 4);
	entries = big_endian(c);
	bytes = big_endian(c);
	kt_cursor_take(c, entries * RPM_INDEX_ENTRY + bytes);
}

static int unpack_rpm(const void *data, size_t size, struct kt_gather *gather, struct kt_diag *diag)
{
	struct kt_cursor c = kt_cursor_over(data, size);

	kt_cursor_take(&c, RPM_LEAD);
	skip_rpm_header(&c); /* the signatures */
	/* The second header begins at a multiple of 8. */
	kt_cursor_take(&c, -(size_t)(c.pos - (const uint8_t *)data) & 7);
	skip_rpm_header(&c);
	if (c.failed || !kt_cursor_left(&c))
		return damaged("its headers are none", diag);
	return kt_forward(unpack_stream(archive_read_support_format_cpio, c.pos, kt_cursor_left(&c),
					gather, diag));
}

int kt_package_unpack(const void *data, size_t size, struct kt_gather *gather, struct kt_diag *diag)
{
	switch (kt_package_format(data, size)) {
	case KT_PACKAGE_DEB:
		return kt_forward(unpack_deb(data, size, gather, diag));
	case KT_PACKAGE_RPM:
		return kt_forward(unpack_rpm(data, size, gather, diag));
	case KT_PACKAGE_TAR:
		return kt_forward(
			unpack_stream(archive_read_support_format_tar, data, size, gather, diag));
	case KT_PACKAGE_NONE:
		break;
	}
	return damaged("of no known format", diag);
}
