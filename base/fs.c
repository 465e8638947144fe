/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files and folders of the host; see fs.h.
 *
 * A file is written atomically (temporary file in the same folder, fsync(2), rename(2)) or
 * through a descriptor of the caller. Trees are removed from the top down through
 * descriptors and without following links, so that a folder that becomes a link in the
 * meantime does not lead outside the tree.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

#define READ_CHUNK     (64u << 10)
#define TEMP_TRIES     100 /* a killed process with the same pid may have left files */
#define TREE_DEPTH_MAX 128 /* removing holds one descriptor per level */

int kt_path_format(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, KT_PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < 0)
		return kt_raise(-EINVAL);
	if (n >= KT_PATH_MAX)
		return kt_raise(-ENAMETOOLONG);
	return 0;
}

/* mkdir(2) that accepts an existing folder, or an existing link to a folder. */
static int make_dir(const char *path)
{
	struct stat st;
	int err;

	if (!mkdir(path, 0755))
		return 0;
	err = errno;
	/* In a read-only or foreign parent mkdir(2) of an existing folder is EROFS or EACCES. */
	if (stat(path, &st))
		return kt_raise(-err);
	return S_ISDIR(st.st_mode) ? 0 : kt_raise(-ENOTDIR);
}

int kt_mkdir_p(const char *path)
{
	char part[KT_PATH_MAX];

	if (!path[0])
		return kt_raise(-ENOENT);
	KT_TRY(kt_path_format(part, "%s", path));
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		KT_TRY(make_dir(part));
		*p = '/';
	}
	return kt_forward(make_dir(part));
}

/* At the limit of out: one more byte tells a longer file from a file of exactly that size. */
static int expect_end(int fd)
{
	uint8_t probe;
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, &probe, 1));

	if (n < 0)
		return kt_raise(-errno);
	return n ? KT_FS_E_LARGE : 0;
}

static int read_fd(int fd, struct kt_buf *out)
{
	size_t chunk;
	ssize_t n;

	for (;;) {
		chunk = READ_CHUNK;
		if (out->max && out->max - out->len < chunk)
			chunk = out->max - out->len;
		if (!chunk)
			return kt_forward(expect_end(fd));
		KT_TRY(kt_buf_reserve(out, chunk));
		n = TEMP_FAILURE_RETRY(read(fd, out->data + out->len, chunk));
		if (n < 0)
			return kt_raise(-errno);
		if (!n)
			return 0;
		out->len += (size_t)n;
	}
}

int kt_try_read_file(const char *path, struct kt_buf *out)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_fd(fd, out);

	return r < 0 && kt_errno_is_none(-r) ? KT_FS_E_NONE : kt_forward(r);
}

int kt_read_file(const char *path, struct kt_buf *out)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return kt_raise(-errno);
	r = read_fd(fd, out);
	return r == KT_FS_E_LARGE ? kt_raise(-ENOBUFS) : kt_forward(r);
}

int kt_read_at(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	for (size_t done = 0; done < len; done += (size_t)n) {
		n = TEMP_FAILURE_RETRY(
			pread(fd, (uint8_t *)buf + done, len - done, at + (off_t)done));
		if (n <= 0)
			return n ? kt_raise(-errno) : KT_FS_E_SHORT;
	}
	return 0;
}

int kt_write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	while (len) {
		n = TEMP_FAILURE_RETRY(write(fd, p, len));
		if (n < 0)
			return kt_raise(-errno);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Creates a file beside path, with the mode that the umask gives. Not mkstemp(3), whose
 * files have mode 0600: a later chmod(2) would need the umask, and reading the umask sets
 * it for all threads.
 */
static int open_beside(int *ret_fd, char *temp, const char *path)
{
	static _Atomic unsigned int count;

	for (unsigned int i = 0; i < TEMP_TRIES; i++) {
		int r = kt_path_format(temp, "%s.%d-%u", path, (int)getpid(), count++);

		if (r)
			return kt_forward(r);
		*ret_fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (*ret_fd >= 0)
			return 0;
		if (errno != EEXIST)
			return kt_raise(-errno);
	}
	return kt_raise(-EEXIST);
}

int kt_write_file_atomic(const char *path, const void *data, size_t len)
{
	_cleanup_(kt_closep) int fd = -1;
	char temp[KT_PATH_MAX];
	int r;

	KT_TRY(open_beside(&fd, temp, path));
	r = kt_write_all(fd, data, len);
	if (!r && fsync(fd))
		r = kt_raise(-errno);
	if (!r && rename(temp, path))
		r = kt_raise(-errno);
	if (r)
		unlink(temp);
	return kt_forward(r);
}

/* For descriptors that sendfile(2) refuses, such as a destination with O_APPEND. */
static int copy_through_buffer(int dst_fd, int src_fd, off_t offset)
{
	_cleanup_(kt_freep) uint8_t *chunk = malloc(READ_CHUNK);
	ssize_t n;

	if (!chunk)
		return kt_raise(-ENOMEM);
	for (;;) {
		n = TEMP_FAILURE_RETRY(pread(src_fd, chunk, READ_CHUNK, offset));
		if (n < 0)
			return kt_raise(-errno);
		if (!n)
			return 0;
		KT_TRY(kt_write_all(dst_fd, chunk, (size_t)n));
		offset += n;
	}
}

/* Appends the bytes from start to end of `from` to `to`. */
static int append_range(int to, int from, off_t start, off_t end)
{
	ssize_t n;

	while (start < end) {
		n = TEMP_FAILURE_RETRY(sendfile(to, from, &start, (size_t)(end - start)));
		if (n <= 0)
			return kt_raise(n ? -errno : -EIO);
	}
	return 0;
}

int kt_append_bytes(int dst_fd, int src_fd, uint64_t bytes)
{
	return kt_forward(append_range(dst_fd, src_fd, 0, (off_t)bytes));
}

int kt_copy_data(int to, int from, off_t bytes)
{
	off_t at = 0, end;

	for (;;) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : kt_raise(-errno);
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0 || lseek(to, at, SEEK_SET) < 0)
			return kt_raise(-errno);
		KT_TRY(append_range(to, from, at, KT_MIN(end, bytes)));
		at = end;
	}
}

int kt_copy_fd(int dst_fd, int src_fd)
{
	off_t offset = 0;
	ssize_t n;

	for (;;) {
		n = TEMP_FAILURE_RETRY(sendfile(dst_fd, src_fd, &offset, 1u << 30));
		if (n < 0 && (errno == EINVAL || errno == ENOSYS))
			return kt_forward(copy_through_buffer(dst_fd, src_fd, offset));
		if (n < 0)
			return kt_raise(-errno);
		if (!n)
			return 0;
	}
}

static int remove_in(int parent_fd, const char *name, unsigned int depth);

/* Empties the folder dir_fd; takes over dir_fd. */
static int remove_contents(int dir_fd, unsigned int depth)
{
	_cleanup_(kt_closedirp) DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	int r;

	if (!dir) {
		r = -errno;
		close(dir_fd);
		return kt_raise(r);
	}
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno ? kt_raise(-errno) : 0;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		KT_TRY(remove_in(dirfd(dir), entry->d_name, depth + 1));
	}
}

static int remove_in(int parent_fd, const char *name, unsigned int depth)
{
	int fd;

	if (!unlinkat(parent_fd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return kt_raise(-errno);
	if (depth >= TREE_DEPTH_MAX)
		return kt_raise(-ELOOP);
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : kt_raise(-errno);
	KT_TRY(remove_contents(fd, depth));
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) && errno != ENOENT)
		return kt_raise(-errno);
	return 0;
}

int kt_remove_tree(const char *path)
{
	return kt_forward(remove_in(AT_FDCWD, path, 0));
}

/* By the XDG rules an empty or relative variable counts as unset. */
static int xdg_dir(char *buf, const char *variable, const char *below_home)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");

	if (base && base[0] == '/')
		return kt_forward(kt_path_format(buf, "%s/ktest", base));
	if (!home || !home[0])
		return kt_raise(-ENOENT);
	return kt_forward(kt_path_format(buf, "%s/%s/ktest", home, below_home));
}

int kt_cache_dir(char *buf)
{
	return kt_forward(xdg_dir(buf, "XDG_CACHE_HOME", ".cache"));
}

int kt_state_dir(char *buf)
{
	return kt_forward(xdg_dir(buf, "XDG_STATE_HOME", ".local/state"));
}
