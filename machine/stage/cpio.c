/* SPDX-License-Identifier: GPL-2.0-only */
/* newc cpio writer; see cpio.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "machine/stage/cpio.h"

#define HEADER_SIZE 110
#define TRAILER	    "TRAILER!!!"

struct member {
	const char *path;
	mode_t mode;
	uint64_t size;
	unsigned int major_nr;
	unsigned int minor_nr;
};

static int put(struct kt_cpio *cpio, const void *data, size_t len)
{
	int r = kt_write_all(cpio->fd, data, len);

	if (!r)
		cpio->pos += len;
	return kt_forward(r);
}

static int pad(struct kt_cpio *cpio)
{
	return kt_forward(put(cpio, "\0\0\0", -cpio->pos & 3));
}

static int put_header(struct kt_cpio *cpio, const struct member *m)
{
	const char *path = m->path + strspn(m->path, "/");
	size_t len = strlen(path) + 1;
	char header[HEADER_SIZE + 1];
	int r;

	if (len == 1 || len > KT_CPIO_PATH_MAX)
		return kt_raise(len == 1 ? -EINVAL : -ENAMETOOLONG);
	if (m->size > UINT32_MAX)
		return kt_raise(-EFBIG);
	/* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor
	 * namesize check */
	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", cpio->ino,
		 (unsigned int)m->mode, 0, 0, S_ISDIR(m->mode) ? 2 : 1, 0, (unsigned int)m->size, 0,
		 0, m->major_nr, m->minor_nr, (unsigned int)len, 0);
	r = put(cpio, header, HEADER_SIZE);
	if (!r)
		r = put(cpio, path, len);
	if (!r)
		r = pad(cpio);
	return kt_forward(r);
}

static int put_member(struct kt_cpio *cpio, const struct member *m)
{
	cpio->ino++;
	return kt_forward(put_header(cpio, m));
}

int kt_cpio_dir(struct kt_cpio *cpio, const char *path, mode_t mode)
{
	const struct member m = { .path = path, .mode = S_IFDIR | (mode & 07777) };

	return kt_forward(put_member(cpio, &m));
}

int kt_cpio_node(struct kt_cpio *cpio, const char *path, mode_t mode, unsigned int major_nr,
		 unsigned int minor_nr)
{
	const struct member m = { path, mode, 0, major_nr, minor_nr };

	return kt_forward(put_member(cpio, &m));
}

int kt_cpio_file(struct kt_cpio *cpio, const char *path, mode_t mode, const void *data, size_t len)
{
	const struct member m = { .path = path, .mode = S_IFREG | (mode & 07777), .size = len };
	int r = put_member(cpio, &m);

	if (!r)
		r = put(cpio, data, len);
	if (!r)
		r = pad(cpio);
	return kt_forward(r);
}

static int copy_bytes(struct kt_cpio *cpio, int source_fd, uint64_t size)
{
	off_t at = 0;

	while ((uint64_t)at < size) {
		ssize_t n = sendfile(cpio->fd, source_fd, &at, size - (uint64_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return kt_raise(n ? -errno : -EIO);
		cpio->pos += (uint64_t)n;
	}
	return 0;
}

int kt_cpio_file_fd(struct kt_cpio *cpio, const char *path, mode_t mode, int source_fd)
{
	struct member m = { .path = path, .mode = S_IFREG | (mode & 07777) };
	struct stat st;
	int r;

	if (fstat(source_fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return kt_raise(-EINVAL);
	m.size = (uint64_t)st.st_size;
	r = put_member(cpio, &m);
	if (!r)
		r = copy_bytes(cpio, source_fd, m.size);
	if (!r)
		r = pad(cpio);
	return kt_forward(r);
}

int kt_cpio_end(struct kt_cpio *cpio)
{
	const struct member m = { .path = TRAILER };
	int r;

	cpio->ino = 0;
	r = put_header(cpio, &m);
	return kt_forward(r);
}
