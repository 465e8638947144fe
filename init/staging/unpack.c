/* SPDX-License-Identifier: GPL-2.0-only */
/* Unpacking staged archives; see unpack.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/staging/unpack.h"

static const struct kt_cpio_sink sink;

void kt_unpack_init(struct kt_unpack *u, int root_fd)
{
	u->root_fd = root_fd;
	u->fd = -1;
	u->dir_fd = -1;
	u->diag = NULL;
	kt_cpio_reader_init(&u->reader, &sink, u);
}

void kt_unpack_deinit(struct kt_unpack *u)
{
	kt_closep(&u->fd);
	kt_closep(&u->dir_fd);
}

static int failed(struct kt_unpack *u, const char *cause)
{
	kt_diag_doing(u->diag, "unpack '%s'", u->reader.member.name);
	kt_diag_cause(u->diag, "%s", cause);
	return KT_UNPACK_E_FAILED;
}

static int failed_errno(struct kt_unpack *u)
{
	return failed(u,
		      errno == ENOSPC ? "the guest has too little memory for it" : strerror(errno));
}

/* ---- the folder of a member ---- */

/* The last component of a path; NULL: no name for a member ("", ".", ".."). */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return !*name || !strcmp(name, ".") || !strcmp(name, "..") ? NULL : name;
}

/* Opens the folder of a member; symbolic links are resolved as if root_fd were "/". */
static int open_parent(const struct kt_unpack *u, const char *path, const char *name)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	char dir[KT_CPIO_NAME_MAX];

	snprintf(dir, sizeof(dir), "/%.*s", (int)(name - path), path);
	return (int)syscall(SYS_openat2, u->root_fd, dir, &how, sizeof(how));
}

/* ---- members ---- */

static int make_dir(struct kt_unpack *u, int dir_fd, const char *name, mode_t mode)
{
	struct stat st;

	if (!mkdirat(dir_fd, name, mode))
		return fchmodat(dir_fd, name, mode, 0) ? failed_errno(u) : 0;
	if (errno != EEXIST)
		return failed_errno(u);
	/* A symbolic link to a folder, as "/lib" often is, stays. */
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return failed_errno(u);
	return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) ?
		       0 :
		       failed(u, "a file is there that is no folder");
}

/* Unlinks an existing file: a running program can be replaced, but not written. */
static int make_way(struct kt_unpack *u, int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) && errno != ENOENT)
		return errno == EISDIR ? failed(u, "a folder is there") : failed_errno(u);
	return 0;
}

static int make_file(struct kt_unpack *u, int dir_fd, const char *name, mode_t mode)
{
	u->fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return u->fd < 0 || fchmod(u->fd, mode) ? failed_errno(u) : 0;
}

static int make_node(struct kt_unpack *u, int dir_fd, const char *name,
		     const struct kt_cpio_member *m)
{
	return mknodat(dir_fd, name, m->mode, makedev(m->major_nr, m->minor_nr)) ||
			       fchmodat(dir_fd, name, m->mode & 07777, 0) ?
		       failed_errno(u) :
		       0;
}

static int make(struct kt_unpack *u, int *dir_fd, const char *name, const struct kt_cpio_member *m)
{
	int r;

	if (S_ISDIR(m->mode))
		return make_dir(u, *dir_fd, name, m->mode & 07777);
	r = make_way(u, *dir_fd, name);
	if (r)
		return r;
	switch (m->mode & S_IFMT) {
	case S_IFREG:
		return make_file(u, *dir_fd, name, m->mode & 07777);
	case S_IFLNK:
		/* The data of the member is the target of the link. */
		u->target_len = 0;
		u->dir_fd = kt_steal_fd(dir_fd);
		return m->size < sizeof(u->target) ? 0 : failed(u, "its target is too long");
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return make_node(u, *dir_fd, name, m);
	default:
		return failed(u, "it is of no known type");
	}
}

static int begin(void *arg, const struct kt_cpio_member *m)
{
	struct kt_unpack *u = arg;
	_cleanup_(kt_closep) int dir_fd = -1;
	const char *name = last_part(m->name);

	if (S_ISDIR(m->mode) && (!strcmp(m->name, ".") || !strcmp(m->name, "/")))
		return 0;
	if (!name)
		return failed(u, "that is no name for a member");
	dir_fd = open_parent(u, m->name, name);
	return dir_fd < 0 ? failed_errno(u) : make(u, &dir_fd, name, m);
}

static int data(void *arg, const void *bytes, size_t len)
{
	struct kt_unpack *u = arg;
	const uint8_t *p = bytes;

	if (u->dir_fd >= 0) {
		/* begin() has checked the size. */
		memcpy(u->target + u->target_len, p, len);
		u->target_len += len;
		return 0;
	}
	while (u->fd >= 0 && len) {
		ssize_t n = TEMP_FAILURE_RETRY(write(u->fd, p, len));

		if (n < 0)
			return failed_errno(u);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int end(void *arg)
{
	struct kt_unpack *u = arg;
	int r = 0;

	if (u->dir_fd >= 0) {
		u->target[u->target_len] = 0;
		if (!u->target_len || strlen(u->target) != u->target_len)
			r = failed(u, "its target is no path");
		else if (symlinkat(u->target, u->dir_fd, last_part(u->reader.member.name)))
			r = failed_errno(u);
	}
	kt_closep(&u->dir_fd);
	kt_closep(&u->fd);
	return r;
}

static const struct kt_cpio_sink sink = { .begin = begin, .data = data, .end = end };

int kt_unpack_feed(struct kt_unpack *u, const void *bytes, size_t len, bool last,
		   struct kt_diag *diag)
{
	const char *cause = NULL;
	int r;

	u->diag = diag;
	r = kt_cpio_read(&u->reader, bytes, len);
	if (r && kt_diag_is_set(diag))
		return KT_UNPACK_E_FAILED;
	if (r)
		cause = u->reader.why;
	else if (last && !kt_cpio_read_is_whole(&u->reader))
		cause = "it ends in the middle of an archive";
	if (!cause)
		return 0;
	kt_diag_doing(diag, "unpack the archive that the host stages");
	kt_diag_cause(diag, "%s", cause);
	return KT_UNPACK_E_FAILED;
}
