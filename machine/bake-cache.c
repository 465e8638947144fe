/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of bakes; see bake-cache.h. This file locks and bounds the cache; the content of a
 * bake's folder is left to vmm/image/bake.h. A lock is an open file description lock (fcntl(2)),
 * so that threads of one process exclude each other, too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "machine/bake-cache.h"

#define RETRY_MS	20
#define BAKES_MAX	4096
#define DEFAULT_MAX_MIB UINT64_C(8192)
#define UNFINISHED_S	60 /* a live process renames a draft within milliseconds */

int kt_bake_cache_dir(char *buf)
{
	char cache[KT_PATH_MAX];
	int r = kt_cache_dir(cache);

	return r ? kt_forward(r) : kt_forward(kt_path_format(buf, "%s/bakes", cache));
}

int kt_bake_cache_place(char *buf, uint64_t *ret_key, const json_t *facts)
{
	_cleanup_(kt_freep) char *text = json_dumps(facts, JSON_SORT_KEYS | JSON_COMPACT);
	char dir[KT_PATH_MAX];

	KT_TRY(text ? kt_bake_cache_dir(dir) : kt_raise(-ENOMEM));
	*ret_key = XXH3_64bits(text, strlen(text));
	return kt_forward(kt_path_format(buf, "%s/%016llx", dir, (unsigned long long)*ret_key));
}

/* KT_BAKE_CACHE_E_LOCKED, or a negative errno. Closing fd releases the lock. */
static int try_lock(int fd, uint64_t key)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(key >> 2), .l_len = 1
	};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? KT_BAKE_CACHE_E_LOCKED : kt_raise(-errno);
}

/* A released lock causes no event on a descriptor: hence retries. */
static int wait_for_lock(int fd, uint64_t key, int cancel_fd)
{
	struct pollfd pfd = { .fd = cancel_fd, .events = POLLIN };
	int r;

	while ((r = try_lock(fd, key)) == KT_BAKE_CACHE_E_LOCKED)
		if (poll(&pfd, 1, RETRY_MS) > 0)
			return KT_BAKE_CACHE_E_CANCELLED;
	return kt_forward(r);
}

int kt_bake_cache_lock(int *ret_fd, uint64_t key, int cancel_fd)
{
	_cleanup_(kt_closep) int fd = -1;
	char dir[KT_PATH_MAX], path[KT_PATH_MAX];

	KT_TRY(kt_bake_cache_dir(dir));
	KT_TRY(kt_mkdir_p(dir));
	KT_TRY(kt_path_format(path, "%s/lock", dir));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return kt_raise(-errno);
	KT_TRY(wait_for_lock(fd, key, cancel_fd));
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}

void kt_bake_cache_touch(const char *dir)
{
	(void)!utimensat(AT_FDCWD, dir, NULL, 0);
}

/* ---- its size ---- */

struct entry {
	char name[32];
	struct timespec used;
	uint64_t bytes;
};

static uint64_t bytes_in(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(kt_closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t bytes = 0;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (!fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			bytes += (uint64_t)st.st_blocks * 512;
	return bytes;
}

static bool is_key(const char *name)
{
	return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16;
}

static int oldest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static unsigned int list_entries(struct entry *entries, DIR *dir)
{
	unsigned int n = 0;
	struct dirent *e;
	struct stat st;

	while (n < BAKES_MAX && (e = readdir(dir))) {
		if (!is_key(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		entries[n] = (struct entry){ .used = st.st_mtim,
					     .bytes = bytes_in(dirfd(dir), e->d_name) };
		memcpy(entries[n++].name, e->d_name, 17);
	}
	qsort(entries, n, sizeof(*entries), oldest_first);
	return n;
}

static uint64_t limit_bytes(void)
{
	const char *text = getenv("KTEST_BAKES_MAX_MIB");
	uint64_t mib;

	return (text && kt_parse_number(text, 0, UINT64_MAX >> 20, &mib) ? mib : DEFAULT_MAX_MIB)
	       << 20;
}

/* Removes drafts that were never renamed because the process was killed. */
static void remove_unfinished(const char *parent, DIR *dir)
{
	char path[KT_PATH_MAX];
	struct dirent *e;
	struct stat st;

	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, ".new-", 5) &&
		    !fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    time(NULL) - st.st_mtime > UNFINISHED_S &&
		    !kt_path_format(path, "%s/%s", parent, e->d_name))
			(void)kt_fold(kt_remove_tree(path));
	rewinddir(dir);
}

static void prune(const char *parent, DIR *dir, struct entry *entries, const char *keep)
{
	uint64_t total = 0, limit = limit_bytes();
	unsigned int n = list_entries(entries, dir);
	char path[KT_PATH_MAX];

	for (unsigned int i = 0; i < n; i++)
		total += entries[i].bytes;
	for (unsigned int i = 0; i < n && total > limit; i++) {
		if (kt_path_format(path, "%s/%s", parent, entries[i].name) || !strcmp(path, keep))
			continue;
		total -= entries[i].bytes;
		(void)kt_fold(kt_remove_tree(path));
	}
}

void kt_bake_cache_prune(const char *keep)
{
	_cleanup_(kt_freep) struct entry *entries = calloc(BAKES_MAX, sizeof(*entries));
	_cleanup_(kt_closedirp) DIR *dir = NULL;
	char parent[KT_PATH_MAX];

	if (!entries || kt_bake_cache_dir(parent))
		return;
	dir = opendir(parent);
	if (!dir)
		return;
	remove_unfinished(parent, dir);
	prune(parent, dir, entries, keep);
}
