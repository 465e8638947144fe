/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building an initramfs; see initramfs.h. The builder appends members to a memory file and
 * remembers their paths, so that a library that several programs need is added once and the
 * first file at a path wins. Libraries come from closure.h, the format from cpio.h; the choice
 * of files is left to stage.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/process.h"
#include "proto/staging.h"
#include "machine/stage/base-archive.h"
#include "machine/stage/closure.h"
#include "machine/stage/cpio.h"
#include "machine/stage/elf-deps.h"
#include "machine/stage/initramfs.h"

#define ARGV_BYTES_MAX (64u << 10) /* init has the same limit */

struct builder {
	struct kt_cpio cpio;
	struct kt_buf seen; /* paths in the archive, 0-terminated; folders end in '/' */
	uint64_t file_bytes;
	struct kt_diag *diag;
};

/* ---- members ---- */

/* Sets diag for a failure r: the action, and for a negative errno the cause. */
static int failed(struct builder *b, int r, const char *what, const char *name, const char *path)
{
	kt_diag_doing(b->diag, "stage %s%s%s%s (%s)", what, name ? " '" : "", name ? name : "",
		      name ? "'" : "", path);
	if (r < 0)
		kt_diag_cause(b->diag, "%s", strerror(-r));
	return kt_forward(r);
}

static bool is_seen(const struct builder *b, const char *path)
{
	for (size_t at = 0; at < b->seen.len;) {
		const char *s = (const char *)b->seen.data + at;

		if (!strcmp(s, path))
			return true;
		at += strlen(s) + 1;
	}
	return false;
}

static int clash(struct builder *b, const char *path)
{
	return kt_fail(b->diag, KT_INITRAMFS_E_FILE,
		       "%s would have to be both a file and a folder in the guest", path);
}

static int add_dir(struct builder *b, const char *path)
{
	char dir[KT_PATH_MAX];
	int r = kt_path_format(dir, "%s/", path);

	if (r || is_seen(b, dir))
		return kt_forward(r);
	if (is_seen(b, path))
		return clash(b, path);
	KT_TRY(kt_buf_append(&b->seen, dir, strlen(dir) + 1));
	return kt_forward(kt_cpio_dir(&b->cpio, path, 0755));
}

/* Adds all folders above path; a folder must precede its members. */
static int add_parents(struct builder *b, const char *path)
{
	char dir[KT_PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		KT_TRY(kt_path_format(dir, "%.*s", (int)(p - path), path));
		KT_TRY(add_dir(b, dir));
	}
	return 0;
}

/* Adds the file fd, unless the archive has a member at that path. */
static int add_fd(struct builder *b, const char *guest_path, mode_t mode, int fd)
{
	char dir[KT_PATH_MAX];
	int r = kt_path_format(dir, "%s/", guest_path);

	if (r || is_seen(b, guest_path))
		return kt_forward(r);
	if (is_seen(b, dir))
		return clash(b, guest_path);
	KT_TRY(add_parents(b, guest_path));
	KT_TRY(kt_buf_append(&b->seen, guest_path, strlen(guest_path) + 1));
	return kt_forward(kt_cpio_file_fd(&b->cpio, guest_path, mode, fd));
}

static int open_source(struct builder *b, const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = errno;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	kt_diag_cause(b->diag, "%s", strerror(error));
	return kt_errno_is_none(error) ? KT_INITRAMFS_E_MISSING : kt_raise(-error);
}

static int add_path(struct builder *b, const char *guest_path, mode_t mode, const char *path)
{
	_cleanup_(kt_closep) int fd = -1;
	int r = open_source(b, path, &fd);

	return r ? kt_forward(r) : kt_forward(add_fd(b, guest_path, mode, fd));
}

/* ---- schedulers and other programs ---- */

/*
 * A copy of the program without symbols, in a memory file. -1: no copy could be made; the
 * original then costs more guest memory.
 */
static int strip_program(const char *path)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-strip", MFD_CLOEXEC);
	struct kt_process process = KT_PROCESS_INIT;
	struct kt_process_spec spec = {
		.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .no_new_privs = true
	};
	const char *argv[] = { "strip", "-o", NULL, path, NULL };
	struct stat st;
	char out[64];
	int status;

	if (fd < 0 || kt_path_format(out, "/proc/self/fd/%d", fd))
		return -1;
	argv[2] = out;
	spec.argv = argv;
	spec.keep_fds = &fd;
	spec.keep_fd_count = 1;
	if (kt_process_spawn(&process, &spec) || kt_process_wait(&process, &status))
		return -1;
	if (status || fstat(fd, &st) || !st.st_size)
		return -1;
	return kt_steal_fd(&fd);
}

static int add_program(struct builder *b, const char *guest_path, const char *path, bool has_debug)
{
	_cleanup_(kt_closep) int stripped = has_debug ? strip_program(path) : -1;

	if (stripped >= 0)
		return kt_forward(add_fd(b, guest_path, 0755, stripped));
	return kt_forward(add_path(b, guest_path, 0755, path));
}

static int append_argument(struct builder *b, struct kt_buf *argv, const char *argument)
{
	size_t len = strlen(argument) + 1;

	if (kt_buf_has_room(argv, len))
		return kt_forward(kt_buf_append(argv, argument, len));
	kt_diag_cause(b->diag, "more than %u bytes of arguments", ARGV_BYTES_MAX);
	return KT_INITRAMFS_E_ARGUMENTS;
}

static int append_arguments(struct builder *b, struct kt_buf *argv,
			    const struct kt_initramfs_program *p)
{
	KT_TRY(append_argument(b, argv, p->argv0 ?: p->name));
	for (const char *const *a = p->args; a && *a; a++) {
		if (a - p->args == KT_ARGS_MAX) {
			kt_diag_cause(b->diag, "more than %d arguments", KT_ARGS_MAX);
			return KT_INITRAMFS_E_ARGUMENTS;
		}
		KT_TRY(append_argument(b, argv, *a));
	}
	return 0;
}

static int add_argv(struct builder *b, const char *dir, const struct kt_initramfs_program *p)
{
	_cleanup_(kt_buf_deinit) struct kt_buf argv = KT_BUF_INIT(ARGV_BYTES_MAX);
	char path[KT_PATH_MAX];
	int r = append_arguments(b, &argv, p);

	if (!r)
		r = kt_path_format(path, "%s/" KT_STAGING_ARGV, dir);
	if (!r)
		r = kt_cpio_file(&b->cpio, path, 0644, argv.data, argv.len);
	return kt_forward(r);
}

/* Adds the program itself, under the name of its file on the host. */
static int add_named(struct builder *b, const char *dir, const char *program, bool has_debug)
{
	char file[KT_NAME_MAX], path[KT_PATH_MAX];

	kt_staging_file_of(program, file);
	KT_TRY(kt_path_format(path, "%s/" KT_STAGING_BIN "/%s", dir, file));
	KT_TRY(add_program(b, path, program, has_debug));
	KT_TRY(kt_path_format(path, "%s/" KT_STAGING_PROGRAM, dir));
	return kt_forward(kt_cpio_file(&b->cpio, path, 0644, file, strlen(file)));
}

static int add_closure(struct builder *b, const struct kt_closure *closure)
{
	KT_TRY(add_path(b, closure->interpreter, 0755, closure->interpreter));
	for (size_t i = 0; i < closure->lib_count; i++)
		KT_TRY(add_path(b, closure->libs[i].guest_path, 0755, closure->libs[i].path));
	return 0;
}

static int add_libraries(struct builder *b, const char *dir, const struct kt_closure *closure)
{
	_cleanup_(kt_buf_deinit) struct kt_buf library_path = KT_BUF_INIT(KT_PATH_MAX - 1);
	char path[KT_PATH_MAX];

	if (!closure->interpreter)
		return 0;
	KT_TRY(add_closure(b, closure));
	KT_TRY(kt_closure_library_path(closure, &library_path));
	KT_TRY(kt_path_format(path, "%s/" KT_STAGING_LIBRARY_PATH, dir));
	return kt_forward(kt_cpio_file(&b->cpio, path, 0644, library_path.data, library_path.len));
}

static int closure_condition(int r)
{
	switch (r) {
	case KT_CLOSURE_E_NOTELF:
		return KT_INITRAMFS_E_NOTELF;
	case KT_CLOSURE_E_LIBRARY:
		return KT_INITRAMFS_E_LIBRARY;
	case KT_CLOSURE_E_NONE:
		return KT_INITRAMFS_E_MISSING;
	default:
		return kt_forward(r);
	}
}

/* Adds a program to the folder dir/<name>, and its libraries. */
static int stage_program(struct builder *b, const char *below, const struct kt_initramfs_program *p)
{
	_cleanup_(kt_closure_deinit) struct kt_closure closure = { 0 };
	char dir[KT_PATH_MAX];
	bool has_debug = false;
	int r;

	r = kt_closure_resolve(&closure, &has_debug, p->path, NULL, b->diag);
	if (r)
		return closure_condition(r);
	KT_TRY(kt_path_format(dir, "%s/%s", below, p->name));
	KT_TRY(add_named(b, dir, p->path, has_debug));
	KT_TRY(add_argv(b, dir, p));
	return kt_forward(add_libraries(b, dir, &closure));
}

/* ---- files ---- */

/* O_NONBLOCK: opening a FIFO would wait for a writer. */
static int check_file(struct builder *b, const struct kt_initramfs_file *f, struct stat *ret_st)
{
	int error = stat(f->path, ret_st) ? errno : 0;

	if (error) {
		kt_diag_cause(b->diag, "%s", strerror(error));
		return kt_errno_is_none(error) ? KT_INITRAMFS_E_MISSING : kt_raise(-error);
	}
	if (!S_ISREG(ret_st->st_mode))
		return kt_fail(b->diag, KT_INITRAMFS_E_FILE, "it is not a regular file");
	b->file_bytes += (uint64_t)ret_st->st_size;
	if (b->file_bytes > KT_FILES_BYTES_MAX)
		return kt_fail(b->diag, KT_INITRAMFS_E_FILE,
			       "the files up to this one have %llu bytes; the most is %u",
			       (unsigned long long)b->file_bytes, KT_FILES_BYTES_MAX);
	return 0;
}

static int add_file(struct builder *b, const struct kt_initramfs_file *f)
{
	struct stat st;
	int r = check_file(b, f, &st);

	if (!r)
		r = add_path(b, f->guest_path, f->mode ?: st.st_mode & 0777, f->path);
	return r ? failed(b, r, "file", NULL, f->path) : 0;
}

static bool is_dynamic_program(const char *path)
{
	_cleanup_(kt_elf_deps_deinit) struct kt_elf_deps deps = { 0 };
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !kt_elf_deps_read(&deps, fd, NULL) && deps.interpreter;
}

/* A file that is not an ELF program is data. */
static int add_libraries_of_file(struct builder *b, const char *path, struct kt_buf *library_path)
{
	_cleanup_(kt_closure_deinit) struct kt_closure closure = { 0 };
	bool has_debug;
	int r;

	if (!is_dynamic_program(path))
		return 0;
	r = closure_condition(kt_closure_resolve(&closure, &has_debug, path, NULL, b->diag));
	if (!r)
		r = add_closure(b, &closure);
	if (!r)
		r = kt_closure_library_path(&closure, library_path);
	return r ? failed(b, r, "file", NULL, path) : 0;
}

/* All files before all libraries: a file at the path of a library replaces the library. */
static int add_files(struct builder *b, const struct kt_initramfs_spec *spec)
{
	_cleanup_(kt_buf_deinit) struct kt_buf dirs = KT_BUF_INIT(KT_PATH_MAX - 1);

	for (size_t i = 0; i < spec->file_count; i++)
		KT_TRY(add_file(b, &spec->files[i]));
	for (size_t i = 0; i < spec->file_count; i++)
		KT_TRY(add_libraries_of_file(b, spec->files[i].path, &dirs));
	if (!dirs.len)
		return 0;
	return kt_forward(kt_cpio_file(&b->cpio, KT_STAGING "/" KT_STAGING_LIBRARY_PATH, 0644,
				       dirs.data, dirs.len));
}

/* ---- the base ---- */

static int add_modules(struct builder *b, const struct kt_initramfs_spec *spec)
{
	char path[KT_PATH_MAX];

	for (size_t i = 0; i < spec->module_count; i++) {
		const struct kt_initramfs_module *m = &spec->modules[i];
		int r = kt_path_format(path, KT_STAGING_MODULES "/%s" KT_STAGING_MODULE_SUFFIX,
				       m->name);

		if (!r)
			r = add_path(b, path, 0644, m->path);
		if (r)
			return failed(b, r, "kernel module", m->name, m->path);
	}
	return 0;
}

static int add_module_order(struct builder *b, const struct kt_initramfs_spec *spec,
			    const char *path, bool early)
{
	_cleanup_(kt_buf_deinit) struct kt_buf order = KT_BUF_INIT(0);

	for (size_t i = 0; i < spec->module_count; i++) {
		const struct kt_initramfs_module *m = &spec->modules[i];
		static const char optional[] = { KT_STAGING_OPTIONAL, 0 };

		if (m->early == early)
			KT_TRY(kt_buf_printf(&order, "%s%s\n", m->optional ? optional : "",
					     m->name));
	}
	if (!order.len)
		return 0;
	return kt_forward(kt_cpio_file(&b->cpio, path, 0644, order.data, order.len));
}

static int add_config(struct builder *b, const struct kt_initramfs_spec *spec)
{
	static const char path[] = KT_STAGING_BOOT "/" KT_STAGING_CONFIG;
	int r;

	if (!spec->config_path)
		return 0;
	r = kt_cpio_dir(&b->cpio, KT_STAGING_BOOT, 0755);
	if (!r)
		r = add_path(b, path, 0644, spec->config_path);
	return r ? failed(b, r, "configuration of the kernel", NULL, spec->config_path) : 0;
}

static int add_base(struct builder *b, const struct kt_initramfs_spec *spec)
{
	int r = kt_base_archive_append(b->cpio.fd, spec->init_path);

	if (r)
		return failed(b, r, "init", NULL, spec->init_path);
	KT_TRY(add_config(b, spec));
	KT_TRY(add_modules(b, spec));
	KT_TRY(add_module_order(b, spec, KT_STAGING_MODULES_EARLY, true));
	return kt_forward(add_module_order(b, spec, KT_STAGING_MODULES_ORDER, false));
}

/* ---- the whole ---- */

static int stage_programs(struct builder *b, const char *what, const char *below,
			  const struct kt_initramfs_program *programs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = stage_program(b, below, &programs[i]);

		if (r)
			return failed(b, r, what, programs[i].name, programs[i].path);
	}
	return 0;
}

static int add_staged(struct builder *b, const struct kt_initramfs_spec *spec)
{
	KT_TRY(add_files(b, spec));
	KT_TRY(stage_programs(b, "scheduler", KT_STAGING_SCHEDULERS, spec->scheds,
			      spec->sched_count));
	return kt_forward(stage_programs(b, "program", KT_STAGING_PROGRAMS, spec->programs,
					 spec->program_count));
}

static int build(struct builder *b, const struct kt_initramfs_spec *spec)
{
	unsigned int parts = spec->parts ?: KT_INITRAMFS_BASE | KT_INITRAMFS_STAGED;
	int r;

	if (parts & KT_INITRAMFS_BASE)
		KT_TRY(add_base(b, spec));
	if (parts & KT_INITRAMFS_STAGED)
		KT_TRY(add_staged(b, spec));
	r = kt_cpio_file(&b->cpio, KT_STAGING_END_MARK, 0444, KT_STAGING_END_TEXT,
			 strlen(KT_STAGING_END_TEXT));
	if (!r)
		r = kt_cpio_end(&b->cpio);
	return r ? failed(b, r, "the end mark", NULL, KT_STAGING_END_MARK) : 0;
}

static void builder_deinit(struct builder *b)
{
	kt_buf_deinit(&b->seen);
}

int kt_initramfs_build(int *ret_fd, const struct kt_initramfs_spec *spec, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = memfd_create("ktest-initramfs", MFD_CLOEXEC);
	_cleanup_(builder_deinit) struct builder b = { .cpio = KT_CPIO_INIT(fd), .diag = diag };

	if (fd < 0)
		return kt_fault(diag, kt_raise(-errno), "create a memory file");
	KT_TRY(build(&b, spec));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return kt_raise(-errno);
	*ret_fd = kt_steal_fd(&fd);
	return 0;
}
