/* SPDX-License-Identifier: GPL-2.0-only */
/* newc cpio writer; see cpio.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
	KT_TRY(kt_write_all(cpio->fd, data, len));
	cpio->pos += len;
	return 0;
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
	KT_TRY(put(cpio, header, HEADER_SIZE));
	KT_TRY(put(cpio, path, len));
	return kt_forward(pad(cpio));
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

	KT_TRY(put_member(cpio, &m));
	KT_TRY(put(cpio, data, len));
	return kt_forward(pad(cpio));
}

int kt_cpio_file_fd(struct kt_cpio *cpio, const char *path, mode_t mode, int source_fd)
{
	struct member m = { .path = path, .mode = S_IFREG | (mode & 07777) };
	struct stat st;

	if (fstat(source_fd, &st))
		return kt_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return kt_raise(-EINVAL);
	m.size = (uint64_t)st.st_size;
	KT_TRY(put_member(cpio, &m));
	KT_TRY(kt_append_bytes(cpio->fd, source_fd, m.size));
	cpio->pos += m.size;
	return kt_forward(pad(cpio));
}

int kt_cpio_end(struct kt_cpio *cpio)
{
	const struct member m = { .path = TRAILER };

	cpio->ino = 0;
	return kt_forward(put_header(cpio, &m));
}
