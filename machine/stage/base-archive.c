/* SPDX-License-Identifier: GPL-2.0-only */
/* Base archive and its cache; see base-archive.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "machine/stage/base-archive.h"
#include "machine/stage/cpio.h"

#define TRAILER_MAGIC "KTBASE1\n"
#define TRAILER_SIZE  24
#define INIT_MAX      (64u << 20)

static const char *const folders[] = { "/dev", "/proc", "/sys", "/tmp", "/run", "/staging" };

/* ---- making one ---- */

static int write_archive(int fd, const struct kt_buf *init)
{
	struct kt_cpio cpio = KT_CPIO_INIT(fd);

	for (size_t i = 0; i < KT_ARRAY_SIZE(folders); i++)
		KT_TRY(kt_cpio_dir(&cpio, folders[i], 0755));
	/* The kernel opens the console as descriptors 0 to 2 of init. */
	KT_TRY(kt_cpio_node(&cpio, "/dev/console", S_IFCHR | 0600, 5, 1));
	KT_TRY(kt_cpio_file(&cpio, "/init", 0755, init->data, init->len));
	return kt_forward(kt_cpio_end(&cpio));
}

static int build(struct kt_buf *out, const struct kt_buf *init)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-base", MFD_CLOEXEC);
	char path[64];

	if (fd < 0)
		return kt_raise(-errno);
	KT_TRY(write_archive(fd, init));
	KT_TRY(kt_path_format(path, "/proc/self/fd/%d", fd));
	return kt_forward(kt_read_file(path, out));
}

/* ---- the cache ---- */

/* Whether the cached file is complete; if so, cuts the trailer off. */
static bool check_cached(struct kt_buf *file)
{
	size_t len = file->len < TRAILER_SIZE ? 0 : file->len - TRAILER_SIZE;
	struct kt_cursor c = kt_cursor_over(len ? file->data + len : NULL, len ? TRAILER_SIZE : 0);
	const char *magic = kt_cursor_take(&c, strlen(TRAILER_MAGIC));
	uint64_t said_len = kt_cursor_le(&c, 8), said_hash = kt_cursor_le(&c, 8);

	if (c.failed || memcmp(magic, TRAILER_MAGIC, strlen(TRAILER_MAGIC)) || said_len != len ||
	    said_hash != XXH3_64bits(file->data, len))
		return false;
	file->len = len;
	return true;
}

static int cache_path(char *path, const struct kt_buf *init)
{
	char dir[KT_PATH_MAX];

	KT_TRY(kt_cache_dir(dir));
	KT_TRY(kt_path_format(path, "%s/initramfs", dir));
	KT_TRY(kt_mkdir_p(path));
	return kt_forward(kt_path_format(path, "%s/initramfs/%016" PRIx64 ".cpio", dir,
					 XXH3_64bits(init->data, init->len)));
}

/* Writing to the cache may fail (space, rights); the next run then builds the archive again. */
static void keep(const char *path, struct kt_buf *archive)
{
	size_t len = archive->len;
	uint64_t hash = XXH3_64bits(archive->data, len);
	int r = kt_buf_append(archive, TRAILER_MAGIC, strlen(TRAILER_MAGIC));

	if (!r)
		r = kt_buf_append_le(archive, len, 8);
	if (!r)
		r = kt_buf_append_le(archive, hash, 8);
	if (!r)
		r = kt_write_file_atomic(path, archive->data, archive->len);
	if (r)
		kt_error_note("fold", r, __FILE__, __LINE__, __func__);
	archive->len = len;
}

int kt_base_archive_append(int out_fd, const char *init_path)
{
	_cleanup_(kt_buf_deinit) struct kt_buf init = KT_BUF_INIT(INIT_MAX);
	_cleanup_(kt_buf_deinit) struct kt_buf archive = KT_BUF_INIT(2 * INIT_MAX);
	char path[KT_PATH_MAX];
	int r = kt_read_file(init_path, &init);
	bool has_cache;

	if (r)
		return kt_forward(r);
	has_cache = !cache_path(path, &init);
	if (has_cache && !kt_read_file(path, &archive) && check_cached(&archive))
		return kt_forward(kt_write_all(out_fd, archive.data, archive.len));
	archive.len = 0;
	KT_TRY(build(&archive, &init));
	if (has_cache)
		keep(path, &archive);
	return kt_forward(kt_write_all(out_fd, archive.data, archive.len));
}
