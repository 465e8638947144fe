/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Library closure; see closure.h. Search order, as in ld.so(8): DT_RPATH of the file and of the
 * program (if the file has no DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH of the file, the cache,
 * the default folders. $ORIGIN is replaced; folders with other dynamic string tokens are
 * skipped. Reading ELF files is left to elf-deps.h, reading the cache to ld-cache.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "proto/staging.h"
#include "machine/stage/closure.h"
#include "machine/stage/elf-deps.h"
#include "machine/stage/ld-cache.h"

#define LD_CACHE_MAX (64u << 20)

static const char *const host_default_dirs[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
	NULL,
};

struct resolver {
	struct kt_closure closure;
	struct kt_closure_search search;
	struct kt_buf cache; /* content of ld.so.cache */
	char *rpath;	     /* DT_RPATH of the program, with $ORIGIN replaced */
	struct kt_diag *diag;
};

void kt_closure_deinit(struct kt_closure *closure)
{
	free(closure->interpreter);
	for (size_t i = 0; i < closure->lib_count; i++) {
		free(closure->libs[i].name);
		free(closure->libs[i].path);
		free(closure->libs[i].guest_path);
	}
	free(closure->libs);
	*closure = (struct kt_closure){ 0 };
}

static void resolver_deinit(struct resolver *rs)
{
	kt_closure_deinit(&rs->closure);
	kt_buf_deinit(&rs->cache);
	free(rs->rpath);
}

/* ---- one library ---- */

/* Whether path is a library for the guest. Other files are skipped, as ld.so does. */
static bool is_library(const char *path)
{
	_cleanup_(kt_elf_deps_deinit) struct kt_elf_deps deps = { 0 };
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !kt_elf_deps_read(&deps, fd, NULL);
}

/* Replaces a leading $ORIGIN or ${ORIGIN}; false: the folder is to be skipped. */
static bool expand_dir(char *buf, const char *dir, size_t len, const char *owner)
{
	static const char *const tokens[] = { "$ORIGIN", "${ORIGIN}" };
	const char *slash = strrchr(owner, '/');

	for (size_t i = 0; i < KT_ARRAY_SIZE(tokens); i++) {
		size_t n = strlen(tokens[i]);

		if (len >= n && !strncmp(dir, tokens[i], n) && !memchr(dir + n, '$', len - n))
			return !kt_path_format(buf, "%.*s%.*s", (int)(slash ? slash - owner : 0),
					       owner, (int)(len - n), dir + n);
	}
	/* An empty or relative folder depends on the working directory at run time. */
	return len && dir[0] == '/' && !memchr(dir, '$', len) &&
	       !kt_path_format(buf, "%.*s", (int)len, dir);
}

/* Searches folders joined by ':'. The caller owns the returned path; NULL: not found. */
static char *find_in_dirs(const char *dirs, const char *owner, const char *name)
{
	char dir[KT_PATH_MAX], path[KT_PATH_MAX];

	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");

		if (expand_dir(dir, dirs, len, owner) &&
		    !kt_path_format(path, "%s/%s", dir, name) && is_library(path))
			return strdup(path);
		dirs += len + (dirs[len] == ':');
	}
	return NULL;
}

static char *find_in_defaults(const struct resolver *rs, const char *name)
{
	const char *path = kt_ld_cache_find(rs->cache.data, rs->cache.len, name);
	char *found = path && path[0] == '/' && is_library(path) ? strdup(path) : NULL;

	for (const char *const *d = rs->search.default_dirs; !found && *d; d++)
		found = find_in_dirs(*d, "", name);
	return found;
}

static char *find_library(const struct resolver *rs, const char *name, const char *owner,
			  const struct kt_elf_deps *deps)
{
	char *found = NULL;

	if (strchr(name, '/'))
		return name[0] == '/' && is_library(name) ? strdup(name) : NULL;
	if (!deps->runpath) {
		found = find_in_dirs(deps->rpath, owner, name);
		if (!found)
			found = find_in_dirs(rs->rpath, owner, name);
	}
	if (!found)
		found = find_in_dirs(rs->search.library_path, owner, name);
	if (!found)
		found = find_in_dirs(deps->runpath, owner, name);
	return found ? found : find_in_defaults(rs, name);
}

/* ---- all of them ---- */

static int append_library(struct resolver *rs, const char *name, char *owned_path)
{
	struct kt_closure *c = &rs->closure;
	struct kt_closure_lib lib = { .name = strdup(name), .path = owned_path };
	const char *root = kt_staging_hidden_by(owned_path) ? KT_STAGING_LIBRARIES : "";

	if (lib.name && asprintf(&lib.guest_path, "%s%s", root, owned_path) >= 0 &&
	    !kt_array_append(c->libs, c->lib_count, lib))
		return 0;
	free(lib.name);
	free(lib.path);
	free(lib.guest_path);
	return kt_raise(-ENOMEM);
}

static bool has_library(const struct resolver *rs, const char *name)
{
	for (size_t i = 0; i < rs->closure.lib_count; i++)
		if (!strcmp(rs->closure.libs[i].name, name))
			return true;
	return false;
}

static int add_library(struct resolver *rs, const char *name, const char *owner,
		       const struct kt_elf_deps *deps)
{
	char *path;

	if (has_library(rs, name))
		return 0;
	if (rs->closure.lib_count == KT_CLOSURE_LIBS_MAX)
		return kt_fail(rs->diag, KT_CLOSURE_E_LIBRARY, "it needs more than %d libraries",
			       KT_CLOSURE_LIBS_MAX);
	path = find_library(rs, name, owner, deps);
	if (!path) {
		kt_diag_cause(rs->diag, "library '%s', which %s needs, was not found", name, owner);
		kt_diag_remedy(rs->diag, "install it, set LD_LIBRARY_PATH, or link statically");
		return KT_CLOSURE_E_LIBRARY;
	}
	return kt_forward(append_library(rs, name, path));
}

/* The library that glibc opens in pthread_exit() and pthread_cancel(). */
static int add_unwinder(struct resolver *rs, const char *owner, const struct kt_elf_deps *deps)
{
	static const char name[] = "libgcc_s.so.1";
	char *path;

	if (!has_library(rs, "libc.so.6") || has_library(rs, name))
		return 0;
	path = find_library(rs, name, owner, deps);
	return path ? kt_forward(append_library(rs, name, path)) : 0;
}

static int add_needed(struct resolver *rs, const char *owner, const struct kt_elf_deps *deps)
{
	for (size_t i = 0; i < deps->needed_count; i++)
		KT_TRY(add_library(rs, deps->needed[i], owner, deps));
	return 0;
}

static int add_needed_of_library(struct resolver *rs, const char *path)
{
	_cleanup_(kt_elf_deps_deinit) struct kt_elf_deps deps = { 0 };
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return kt_raise(-errno);
	r = kt_elf_deps_read(&deps, fd, rs->diag);
	if (r)
		return r > 0 ? KT_CLOSURE_E_LIBRARY : kt_forward(r);
	return kt_forward(add_needed(rs, path, &deps));
}

/* The program's DT_RPATH also holds for its libraries, with the program's $ORIGIN. */
static int keep_rpath(struct resolver *rs, const char *owner, const char *rpath)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	char dir[KT_PATH_MAX];

	while (rpath && *rpath) {
		size_t len = strcspn(rpath, ":");

		if (expand_dir(dir, rpath, len, owner))
			KT_TRY(kt_buf_printf(&out, "%s%s", out.len ? ":" : "", dir));
		rpath += len + (rpath[len] == ':');
	}
	if (!out.len)
		return 0;
	rs->rpath = strdup(kt_buf_str(&out));
	return rs->rpath ? 0 : kt_raise(-ENOMEM);
}

static int check_interpreter(struct resolver *rs, struct kt_elf_deps *deps, const char *owner)
{
	if (!deps->interpreter) {
		if (!deps->needed_count)
			return 0;
		kt_diag_cause(rs->diag, "it is a library, not a program: it names no interpreter");
		return KT_CLOSURE_E_NOTELF;
	}
	if (deps->interpreter[0] != '/' || !is_library(deps->interpreter)) {
		kt_diag_cause(rs->diag, "its interpreter '%s' was not found", deps->interpreter);
		kt_diag_remedy(rs->diag, "install it, or link %s statically", owner);
		return KT_CLOSURE_E_LIBRARY;
	}
	rs->closure.interpreter = kt_steal_ptr(deps->interpreter);
	return 0;
}

static int resolve(struct resolver *rs, bool *ret_has_debug, const char *path)
{
	_cleanup_(kt_elf_deps_deinit) struct kt_elf_deps deps = { 0 };
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0) {
		r = errno;
		kt_diag_cause(rs->diag, "%s", strerror(r));
		return kt_errno_is_none(r) ? KT_CLOSURE_E_NONE : kt_raise(-r);
	}
	r = kt_elf_deps_read(&deps, fd, rs->diag);
	if (r)
		return r > 0 ? KT_CLOSURE_E_NOTELF : kt_forward(r);
	*ret_has_debug = deps.has_debug;
	KT_TRY(check_interpreter(rs, &deps, path));
	KT_TRY(keep_rpath(rs, path, deps.rpath));
	KT_TRY(add_needed(rs, path, &deps));
	for (size_t i = 0; i < rs->closure.lib_count; i++)
		KT_TRY(add_needed_of_library(rs, rs->closure.libs[i].path));
	return kt_forward(add_unwinder(rs, path, &deps));
}

int kt_closure_resolve(struct kt_closure *ret_closure, bool *ret_has_debug, const char *path,
		       const struct kt_closure_search *search, struct kt_diag *diag)
{
	_cleanup_(resolver_deinit) struct resolver rs = { .cache = KT_BUF_INIT(LD_CACHE_MAX),
							  .diag = diag };
	_cleanup_(kt_freep) char *real = realpath(path, NULL);
	int r;

	if (search)
		rs.search = *search;
	if (!rs.search.library_path)
		rs.search.library_path = getenv("LD_LIBRARY_PATH");
	if (!rs.search.default_dirs)
		rs.search.default_dirs = host_default_dirs;
	/* Without a cache, the default folders are searched. */
	r = kt_read_file(rs.search.cache_path ? rs.search.cache_path : "/etc/ld.so.cache",
			 &rs.cache);
	if (r < 0)
		rs.cache.len = 0;
	/* $ORIGIN is the folder of the file itself, not of a symbolic link to the file. */
	KT_TRY(resolve(&rs, ret_has_debug, real ? real : path));
	*ret_closure = rs.closure;
	rs.closure = (struct kt_closure){ 0 };
	return 0;
}

static bool has_dir(const char *list, const char *dir, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, ":");

		if (n == len && !strncmp(list, dir, len))
			return true;
		list += n + (list[n] == ':');
	}
	return false;
}

int kt_closure_library_path(const struct kt_closure *closure, struct kt_buf *out)
{
	for (size_t i = 0; i < closure->lib_count; i++) {
		const char *path = closure->libs[i].guest_path;
		size_t len = (size_t)(strrchr(path, '/') - path);

		if (!has_dir(kt_buf_str(out), path, len))
			KT_TRY(kt_buf_printf(out, "%s%.*s", out->len ? ":" : "", (int)len, path));
	}
	return 0;
}
