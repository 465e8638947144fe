/* SPDX-License-Identifier: GPL-2.0-only */
/* Identity of kernel sources; see source.h. */
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "base/cleanup.h"
#include "kernel/source.h"

/* The tarball that Debian's linux-source-6.12 installs. */
#define PACKAGE	     "linux-source-6.12"
#define PACKAGE_PATH "/usr/src/" PACKAGE ".tar.xz"

static void hash_text(XXH128_hash_t hash, char ret_text[KT_HASH_TEXT])
{
	snprintf(ret_text, KT_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
}

void kt_hash_bytes(const void *data, size_t len, char ret_text[KT_HASH_TEXT])
{
	hash_text(XXH3_128bits(data, len), ret_text);
}

static int hash_file(const char *path, char ret_text[KT_HASH_TEXT])
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st))
		return kt_raise(-errno);
	if (!st.st_size)
		return kt_raise(-ENODATA);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		return kt_raise(-errno);
	kt_hash_bytes(data, (size_t)st.st_size, ret_text);
	munmap(data, (size_t)st.st_size);
	return 0;
}

static void fts_closep(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

static bool is_version_control(const char *name)
{
	return !strcmp(name, ".git") || !strcmp(name, ".hg") || !strcmp(name, ".svn");
}

/* Hash of a file's path, size, modification time and mode. */
static XXH128_hash_t hash_entry(const FTSENT *entry, size_t skip)
{
	const struct stat *st = entry->fts_statp;
	const int64_t facts[] = { st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
				  st->st_mode };
	const char *path = entry->fts_path + skip;

	return XXH3_128bits_withSeed(path, strlen(path), XXH3_64bits(facts, sizeof(facts)));
}

/* Sums the hashes of all files, so that the order of folder entries does not matter. */
static int hash_tree(const char *path, char ret_text[KT_HASH_TEXT])
{
	char *const paths[] = { (char *)(uintptr_t)path, NULL };
	_cleanup_(fts_closep) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	XXH128_hash_t sum = { 0 }, one;
	FTSENT *entry;

	if (!fts)
		return kt_raise(-errno);
	while (errno = 0, (entry = fts_read(fts))) {
		switch (entry->fts_info) {
		case FTS_D:
			if (entry->fts_level && is_version_control(entry->fts_name))
				fts_set(fts, entry, FTS_SKIP);
			break;
		case FTS_F:
		case FTS_SL:
			one = hash_entry(entry, strlen(path));
			sum.low64 += one.low64;
			sum.high64 += one.high64;
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			return kt_raise(-entry->fts_errno);
		}
	}
	if (errno)
		return kt_raise(-errno);
	hash_text(sum, ret_text);
	return 0;
}

static bool has_file(const char *dir, const char *name)
{
	char path[KT_PATH_MAX];
	struct stat st;

	return !kt_path_format(path, "%s/%s", dir, name) && !stat(path, &st) && S_ISREG(st.st_mode);
}

int kt_kernel_source_check_tree(const char *dir, struct kt_diag *diag)
{
	if (!has_file(dir, "Kconfig") || !has_file(dir, "Makefile") ||
	    !has_file(dir, "kernel/sched/core.c"))
		return kt_fail(diag, KT_KERNEL_SOURCE_E_BAD, "not the top folder of Linux sources");
	/* In a folder of its own since Linux 7.2. */
	if (!has_file(dir, "kernel/sched/ext.c") && !has_file(dir, "kernel/sched/ext/ext.c")) {
		kt_diag_cause(diag, "these Linux sources are older than sched_ext");
		kt_diag_remedy(diag, "take Linux 6.12 or newer");
		return KT_KERNEL_SOURCE_E_BAD;
	}
	return 0;
}

static int no_source(const char *path, bool by_default, int r, struct kt_diag *diag)
{
	if (by_default) {
		kt_diag_cause(diag, "the kernel's source package is not installed");
		kt_diag_remedy(diag, "apt-get install " PACKAGE ", or name sources with --source");
	} else {
		kt_diag_cause(diag, "%s", strerror(-r));
	}
	return kt_errno_is_none(-r) ? KT_KERNEL_SOURCE_E_NONE : kt_raise(r);
}

int kt_kernel_source_identify(struct kt_kernel_source *ret_source, const char *path,
			      struct kt_diag *diag)
{
	const char *wanted = path ? path : PACKAGE_PATH;
	struct kt_kernel_source source;
	struct stat st;
	int r;

	kt_diag_doing(diag, "use kernel sources %s", wanted);
	if (!realpath(wanted, source.path) || stat(source.path, &st))
		return no_source(wanted, !path, -errno, diag);
	source.is_tree = S_ISDIR(st.st_mode);
	if (!source.is_tree && !S_ISREG(st.st_mode))
		return kt_fail(diag, KT_KERNEL_SOURCE_E_BAD, "neither a folder nor a tarball");
	r = source.is_tree ? kt_kernel_source_check_tree(source.path, diag) : 0;
	if (!r)
		r = source.is_tree ? hash_tree(source.path, source.hash) :
				     hash_file(source.path, source.hash);
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	if (r)
		return kt_forward(r);
	*ret_source = source;
	return 0;
}
