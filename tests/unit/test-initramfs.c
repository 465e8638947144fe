/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The initramfs of a run: what is in it, where, how large; its cache, sound and
 * damaged; what cannot be staged. The programs it is made of are this build's
 * own when they are given as arguments: INIT [SCHEDULER].
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/limits.h"
#include "proto/staging.h"
#include "machine/stage/initramfs.h"
#include "tests/unit/folder.h"
#include "tests/unit/cpio-reader.h"

AROUND_ALL(make_cache, remove_top);

static const char *init_path, *sched_path;

/* A stand-in for init: the base archive takes any bytes. */
static const char *small_init(void)
{
	assert_int_equal(kt_write_file_atomic(in_top("init"), "init bytes", 10), 0);
	return in_top("init");
}

static int build(struct kt_buf *out, const struct kt_initramfs_spec *spec, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[64];
	int r = kt_initramfs_build(&fd, spec, diag);

	if (r)
		return r;
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(kt_path_format(path, "/proc/self/fd/%d", fd), 0);
	assert_int_equal(kt_read_file(path, out), 0);
	return 0;
}

TEST(test_end_mark_is_the_last_member)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct kt_initramfs_spec spec = { .init_path = small_init() };
	struct cpio_member m, last = { 0 };
	size_t pos = 0;

	assert_int_equal(build(&bytes, &spec, NULL), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "init", &m));
	assert_int_equal(m.mode, S_IFREG | 0755);
	assert_memory_equal(m.data, "init bytes", 10);
	assert_true(cpio_find(bytes.data, bytes.len, "dev/console", &m));
	while (cpio_next(bytes.data, bytes.len, &pos, &m))
		if (strcmp(m.name, "TRAILER!!!"))
			last = m;
	assert_int_equal(pos, bytes.len);
	assert_string_equal(last.name, &KT_STAGING_END_MARK[1]);
	assert_int_equal(last.len, strlen(KT_STAGING_END_TEXT));
	assert_memory_equal(last.data, KT_STAGING_END_TEXT, last.len);
}

/* Members whose folders come later would be lost to the kernel. */
static void check_parents(const struct kt_buf *bytes)
{
	_cleanup_(kt_buf_deinit) struct kt_buf dirs = KT_BUF_INIT(0);
	struct cpio_member m = { 0 };
	size_t pos = 0;

	assert_int_equal(kt_buf_append(&dirs, "\n", 1), 0);
	while (cpio_next(bytes->data, bytes->len, &pos, &m)) {
		const char *slash = strrchr(m.name, '/');
		char line[KT_PATH_MAX];

		snprintf(line, sizeof(line), "\n%.*s\n", slash ? (int)(slash - m.name) : 0, m.name);
		if (slash && !strstr(kt_buf_str(&dirs), line))
			fail_msg("'%s' comes before its folder", m.name);
		if (S_ISDIR(m.mode))
			assert_int_equal(kt_buf_printf(&dirs, "%s\n", m.name), 0);
	}
}

/* The test program itself is dynamically linked and has symbols. */
TEST(test_dynamic_program_brings_its_libraries)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	_cleanup_(kt_freep) char *self = realpath("/proc/self/exe", NULL);
	const char *args[] = { "a b", "", NULL };
	struct kt_initramfs_program scheds[] = { { "one", self, args }, { "two", self, NULL } };
	struct kt_initramfs_program programs[] = { { "one", self, args, "argv-0" } };
	struct kt_initramfs_spec spec = { small_init(), scheds, 2, NULL, 0, programs, 1 };
	struct cpio_member m = { 0 };
	struct stat st;

	assert_int_equal(build(&bytes, &spec, NULL), 0);
	check_parents(&bytes);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/schedulers/one/argv", &m));
	assert_int_equal(m.len, 9);
	assert_memory_equal(m.data, "one\0a b\0", 9);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/schedulers/one/library-path", &m));
	assert_true(m.len > 0 && m.data[0] == '/');
	assert_true(
		cpio_find(bytes.data, bytes.len, "staging/schedulers/two/bin/test-initramfs", &m));
	assert_int_equal(m.mode, S_IFREG | 0755);
	assert_int_equal(stat(self, &st), 0);
	assert_true((off_t)m.len < st.st_size);
	assert_memory_equal(m.data, "\177ELF", 4);
	assert_true(cpio_find(bytes.data, bytes.len, "lib64/ld-linux-x86-64.so.2", &m));
	/* A program of the same name is another one. */
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/one/argv", &m));
	assert_memory_equal(m.data, "argv-0\0a b\0", m.len);
	assert_int_equal(m.len, 12);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/one/library-path", &m));
	assert_true(
		cpio_find(bytes.data, bytes.len, "staging/programs/one/bin/test-initramfs", &m));
	assert_int_equal(m.mode, S_IFREG | 0755);
	assert_true(cpio_find(bytes.data, bytes.len, "staging/programs/one/program", &m));
	assert_int_equal(m.len, strlen("test-initramfs"));
	assert_memory_equal(m.data, "test-initramfs", m.len);
}

/* The name of a program's file may have any bytes but '/'. */
TEST(test_names_of_programs_are_plain)
{
	static const struct {
		const char *path, *file;
	} cases[] = {
		{ "/opt/scx mine", "scx_mine" },
		{ "./a\n\x1b[1m\xc3\xa9", "a__[1m__" },
		{ "/x/..hidden", "_.hidden" },
		{ "scx_rusty-1.0.9+git", "scx_rusty-1.0.9+git" },
		{ "/x/", "_" },
		{ ".", "_" },
	};
	char file[KT_NAME_MAX], longest[300];

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		kt_staging_file_of(cases[i].path, file);
		assert_string_equal(file, cases[i].file);
		assert_true(kt_staging_is_file(file));
	}
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	kt_staging_file_of(longest, file);
	assert_int_equal(strlen(file), KT_NAME_MAX - 1);
	assert_true(kt_staging_is_file(file));
	assert_false(kt_staging_is_file(longest));
	assert_false(kt_staging_is_file(""));
	assert_false(kt_staging_is_file(".."));
	assert_false(kt_staging_is_file("a/b"));
	assert_false(kt_staging_is_file("a b"));
}

TEST(test_arguments_are_bounded)
{
	_cleanup_(kt_freep) char *self = realpath("/proc/self/exe", NULL);
	const char *args[KT_ARGS_MAX + 2] = { NULL };
	struct kt_initramfs_program scheds[] = { { "one", self, args } };
	struct kt_initramfs_spec spec = { small_init(), scheds, 1 };
	struct kt_diag diag = KT_DIAG_INIT;
	int fd = -1;

	for (unsigned int i = 0; i <= KT_ARGS_MAX; i++)
		args[i] = "x";
	assert_int_equal(kt_initramfs_build(&fd, &spec, &diag), KT_INITRAMFS_E_ARGUMENTS);
	assert_contains(diag.cause, "more than 64 arguments");
	args[KT_ARGS_MAX] = NULL;
	assert_int_equal(kt_initramfs_build(&fd, &spec, &diag), 0);
	close(fd);
}

TEST(test_extra_files)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	char path[KT_PATH_MAX];
	struct kt_initramfs_file files[] = { { path, "/etc/deep/er/file", 0640 } };
	struct kt_initramfs_spec spec = { .files = files, .file_count = 1 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct cpio_member m = { 0 };

	strcpy(path, in_top("extra"));
	assert_int_equal(kt_write_file_atomic(path, "text", 4), 0);
	spec.init_path = small_init();
	assert_int_equal(build(&bytes, &spec, &diag), 0);
	check_parents(&bytes);
	assert_true(cpio_find(bytes.data, bytes.len, "etc/deep/er/file", &m));
	assert_int_equal(m.mode, S_IFREG | 0640);
	assert_int_equal(m.len, 4);

	strcpy(path, "/nonexistent/file");
	assert_int_equal(build(&bytes, &spec, &diag), KT_INITRAMFS_E_MISSING);
	assert_contains(diag.doing, "/nonexistent/file");
}

/* This program as a file: it comes whole, with its libraries and where they lie. */
TEST(test_file_that_is_a_program)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	_cleanup_(kt_freep) char *self = realpath("/proc/self/exe", NULL);
	struct kt_initramfs_file files[] = { { self, "/usr/bin/self", 0 },
					     { "/etc/passwd", "/lib64/ld-linux-x86-64.so.2", 0 } };
	struct kt_initramfs_spec spec = { small_init(), NULL, 0, files, 2 };
	struct cpio_member m = { 0 };
	struct stat st;

	assert_int_equal(build(&bytes, &spec, NULL), 0);
	check_parents(&bytes);
	assert_int_equal(stat(self, &st), 0);
	assert_true(cpio_find(bytes.data, bytes.len, "usr/bin/self", &m));
	assert_int_equal(m.len, st.st_size);
	assert_int_equal(m.mode, S_IFREG | (st.st_mode & 0777));
	assert_true(cpio_find(bytes.data, bytes.len, "staging/library-path", &m));
	assert_true(m.len > 0 && m.data[0] == '/');
	/* What was given by name is what is there, and once. */
	assert_true(cpio_find(bytes.data, bytes.len, "lib64/ld-linux-x86-64.so.2", &m));
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(m.len, st.st_size);
}

static void file_refused(const char *path, const char *guest_path, const char *text)
{
	_cleanup_(kt_freep) char *self = realpath("/proc/self/exe", NULL);
	struct kt_initramfs_file files[] = { { self, "/usr/bin/self", 0 },
					     { path, guest_path, 0 } };
	struct kt_initramfs_spec spec = { small_init(), NULL, 0, files, 2 };
	struct kt_diag diag = KT_DIAG_INIT;
	int fd = -1;

	assert_int_equal(kt_initramfs_build(&fd, &spec, &diag), KT_INITRAMFS_E_FILE);
	assert_int_equal(fd, -1);
	assert_contains(diag.cause, text);
}

TEST(test_files_that_are_refused)
{
	char path[KT_PATH_MAX];

	file_refused(top, "/x", "not a regular file");
	strcpy(path, in_top("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	file_refused(path, "/x", "not a regular file");
	/* Larger on paper than on disk. */
	strcpy(path, in_top("large"));
	assert_int_equal(kt_write_file_atomic(path, "", 0), 0);
	assert_int_equal(truncate(path, KT_FILES_BYTES_MAX), 0);
	file_refused(path, "/x", "the most is 536870912");
	file_refused("/etc/passwd", "/lib64", "both a file and a folder");
	file_refused("/etc/passwd", "/lib64/ld-linux-x86-64.so.2/x", "both a file and a folder");
}

static void expect_refused(const char *path, int condition, const char *text)
{
	struct kt_initramfs_program sched = { "primary", path, NULL };
	struct kt_initramfs_spec spec = { small_init(), &sched, 1, NULL, 0 };
	struct kt_diag diag = KT_DIAG_INIT;
	int fd = -1;

	assert_int_equal(kt_initramfs_build(&fd, &spec, &diag), condition);
	assert_int_equal(fd, -1);
	assert_contains(diag.doing, "'primary'");
	assert_contains(diag.doing, path);
	assert_contains(diag.cause, text);
}

TEST(test_what_cannot_be_staged)
{
	char path[KT_PATH_MAX];

	expect_refused("/nonexistent/scheduler", KT_INITRAMFS_E_MISSING, "No such file");
	expect_refused("/etc/passwd", KT_INITRAMFS_E_NOTELF, "not an ELF file");
	strcpy(path, in_top("script"));
	assert_int_equal(kt_write_file_atomic(path, "#!/bin/sh\n", 10), 0);
	expect_refused(path, KT_INITRAMFS_E_NOTELF, "script");
}

/* ---- the cache ---- */

static const char *cached_file(void)
{
	static char path[KT_PATH_MAX];
	char dir_path[KT_PATH_MAX];
	struct dirent *e;
	DIR *dir;

	strcpy(dir_path, in_top("ktest/initramfs"));
	dir = opendir(dir_path);
	path[0] = 0;
	assert_non_null(dir);
	while ((e = readdir(dir)))
		if (strstr(e->d_name, ".cpio")) {
			assert_string_equal(path, "");
			assert_int_equal(kt_path_format(path, "%s/%s", dir_path, e->d_name), 0);
		}
	closedir(dir);
	assert_true(path[0]);
	return path;
}

/* Flips one byte, or cuts the file when at is its length. */
static void damage(const char *path, size_t at, bool cut)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	if (cut) {
		assert_int_equal(ftruncate(fd, (off_t)at), 0);
	} else {
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	close(fd);
}

TEST(test_damaged_cache_is_rebuilt)
{
	struct kt_initramfs_spec spec = { 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf first = KT_BUF_INIT(0);
	struct stat st;
	char dir[KT_PATH_MAX], init[KT_PATH_MAX];

	strcpy(dir, in_top("ktest"));
	assert_int_equal(kt_remove_tree(dir), 0);
	spec.init_path = strcpy(init, small_init());
	assert_int_equal(build(&first, &spec, NULL), 0);
	assert_int_equal(stat(cached_file(), &st), 0);
	for (int i = 0; i < 40; i++) {
		size_t at = (size_t)st.st_size * (size_t)i / 40;
		struct kt_buf again = KT_BUF_INIT(0), repaired = KT_BUF_INIT(0);
		struct stat now;

		damage(cached_file(), at, i & 1);
		assert_int_equal(build(&again, &spec, NULL), 0);
		assert_int_equal(again.len, first.len);
		assert_memory_equal(again.data, first.data, first.len);
		assert_int_equal(stat(cached_file(), &now), 0);
		assert_int_equal(now.st_size, st.st_size);
		assert_int_equal(build(&repaired, &spec, NULL), 0);
		assert_memory_equal(repaired.data, first.data, first.len);
		kt_buf_deinit(&again);
		kt_buf_deinit(&repaired);
	}
}

/* The cached file is what is used: its bytes show in the result. */
TEST(test_cache_is_used)
{
	struct kt_initramfs_spec spec = { .init_path = small_init() };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct stat before, after;

	assert_int_equal(build(&bytes, &spec, NULL), 0);
	assert_int_equal(stat(cached_file(), &before), 0);
	bytes.len = 0;
	assert_int_equal(build(&bytes, &spec, NULL), 0);
	assert_int_equal(stat(cached_file(), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

TEST(test_no_cache_is_no_obstacle)
{
	struct kt_initramfs_spec spec = { .init_path = small_init() };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	int r;

	assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
	r = build(&bytes, &spec, NULL);
	assert_int_equal(setenv("XDG_CACHE_HOME", top, 1), 0);
	assert_int_equal(r, 0);
	assert_true(bytes.len > 0);
}

/* ---- sizes that were promised ---- */

TEST(test_sizes)
{
	struct kt_initramfs_program sched = { "primary", sched_path, NULL };
	struct kt_initramfs_spec spec = { init_path, &sched, sched_path ? 1 : 0, NULL, 0 };
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	struct stat st;

	if (!init_path)
		skip();
	assert_int_equal(stat(init_path, &st), 0);
	assert_true(st.st_size < 2 << 20);
	assert_int_equal(build(&bytes, &spec, NULL), 0);
	assert_true(bytes.len < 4u << 20);
}

int main(int argc, char **argv)
{
	init_path = argc > 1 ? argv[1] : NULL;
	sched_path = argc > 2 ? argv[2] : NULL;
	return test_run("");
}
