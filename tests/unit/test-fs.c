/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders, in a temporary folder that the test removes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/unit/folder.h"

AROUND_EACH(make_top, remove_top);

TEST(test_path_is_never_cut)
{
	char path[KT_PATH_MAX], name[KT_PATH_MAX];

	assert_int_equal(kt_path_format(path, "%s/%d", "a", 7), 0);
	assert_string_equal(path, "a/7");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_int_equal(kt_path_format(path, "%s", name), 0);
	assert_int_equal(kt_path_format(path, "%s/", name), -ENAMETOOLONG);
}

TEST(test_mkdir_p)
{
	struct stat st;

	assert_int_equal(kt_mkdir_p(in_top("a/b//c/")), 0);
	assert_int_equal(kt_mkdir_p(in_top("a/b/c")), 0);
	assert_int_equal(stat(in_top("a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(kt_write_file_atomic(in_top("file"), "", 0), 0);
	assert_int_equal(kt_mkdir_p(in_top("file/x")), -ENOTDIR);
	assert_int_equal(kt_mkdir_p(in_top("file")), -ENOTDIR);
	assert_int_equal(kt_mkdir_p(""), -ENOENT);
	assert_int_equal(kt_mkdir_p("/"), 0);
}

TEST(test_write_then_read)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	size_t len = 200000;
	_cleanup_(kt_freep) uint8_t *data = malloc(len);
	struct stat st;

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	umask(022);
	assert_int_equal(kt_write_file_atomic(in_top("f"), "old", 3), 0);
	assert_int_equal(kt_write_file_atomic(in_top("f"), data, len), 0);
	assert_int_equal(kt_buf_append(&buf, "head", 4), 0);
	assert_int_equal(kt_read_file(in_top("f"), &buf), 0);
	assert_int_equal(buf.len, len + 4);
	assert_memory_equal(buf.data + 4, data, len);
	assert_int_equal(stat(in_top("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

TEST(test_read_limit)
{
	_cleanup_(kt_buf_deinit) struct kt_buf exact = KT_BUF_INIT(5);
	_cleanup_(kt_buf_deinit) struct kt_buf small = KT_BUF_INIT(4);
	_cleanup_(kt_buf_deinit) struct kt_buf none = KT_BUF_INIT(4);

	assert_int_equal(kt_write_file_atomic(in_top("f"), "12345", 5), 0);
	assert_int_equal(kt_read_file(in_top("f"), &exact), 0);
	assert_string_equal(kt_buf_str(&exact), "12345");
	assert_int_equal(kt_read_file(in_top("f"), &small), -ENOBUFS);
	assert_int_equal(kt_read_file(in_top("absent"), &none), -ENOENT);
	assert_int_equal(kt_read_file(top, &none), -EISDIR);
	exact.len = small.len = 0;
	assert_int_equal(kt_try_read_file(in_top("f"), &exact), 0);
	assert_int_equal(kt_try_read_file(in_top("f"), &small), KT_FS_E_LARGE);
	assert_int_equal(kt_try_read_file(in_top("absent"), &none), KT_FS_E_NONE);
	assert_int_equal(kt_try_read_file(in_top("f/below"), &none), KT_FS_E_NONE);
	assert_int_equal(kt_try_read_file(top, &none), -EISDIR);
}

TEST(test_failed_write_leaves_the_old_file_and_no_other)
{
	assert_int_equal(mkdir(in_top("d"), 0755), 0);
	assert_int_equal(kt_write_file_atomic(in_top("d"), "x", 1), -EISDIR);
	assert_int_equal(rmdir(in_top("d")), 0);
	assert_int_equal(kt_write_file_atomic(in_top("absent/f"), "x", 1), -ENOENT);
	/* The folder can be removed only without leftover temporary files. */
	assert_int_equal(rmdir(top), 0);
	assert_int_equal(mkdir(top, 0755), 0);
}

static void check_copy(int dst_flags)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int src = -1, dst = -1;

	assert_int_equal(kt_write_file_atomic(in_top("src"), "0123456789", 10), 0);
	assert_int_equal(kt_write_file_atomic(in_top("dst"), "", 0), 0);
	src = open(in_top("src"), O_RDONLY | O_CLOEXEC);
	dst = open(in_top("dst"), O_WRONLY | O_CLOEXEC | dst_flags);
	assert_int_equal(lseek(src, 4, SEEK_SET), 4);
	assert_int_equal(kt_copy_fd(dst, src), 0);
	assert_int_equal(kt_copy_fd(dst, src), 0);
	assert_int_equal(kt_read_file(in_top("dst"), &buf), 0);
	assert_string_equal(kt_buf_str(&buf), "01234567890123456789");
	assert_int_equal(kt_copy_fd(src, src), -EBADF);
}

TEST(test_copy_starts_at_the_front)
{
	check_copy(0);
}

/* sendfile(2) refuses a destination with O_APPEND. */
TEST(test_copy_to_appending_file)
{
	check_copy(O_APPEND);
}

TEST(test_remove_tree_follows_no_link)
{
	char outside[KT_PATH_MAX];
	struct stat st;

	strcpy(outside, in_top("outside"));
	assert_int_equal(kt_mkdir_p(outside), 0);
	assert_int_equal(kt_write_file_atomic(in_top("outside/keep"), "x", 1), 0);
	assert_int_equal(kt_mkdir_p(in_top("tree/a/b")), 0);
	assert_int_equal(kt_write_file_atomic(in_top("tree/a/file"), "x", 1), 0);
	assert_int_equal(symlink(outside, in_top("tree/a/link")), 0);
	assert_int_equal(symlink(outside, in_top("toplink")), 0);
	assert_int_equal(kt_remove_tree(in_top("tree")), 0);
	assert_int_equal(kt_remove_tree(in_top("toplink")), 0);
	assert_int_equal(stat(in_top("tree"), &st), -1);
	assert_int_equal(stat(in_top("outside/keep"), &st), 0);
	assert_int_equal(kt_remove_tree(in_top("tree")), 0);
}

/* A hostile tree must not exhaust descriptors or the stack. */
TEST(test_remove_tree_has_a_depth_limit)
{
	char path[KT_PATH_MAX] = "", *p = path;

	p += snprintf(p, sizeof(path), "%s/deep", top);
	for (int i = 0; i < 140; i++)
		p += sprintf(p, "/d");
	assert_int_equal(kt_mkdir_p(path), 0);
	assert_int_equal(kt_remove_tree(in_top("deep")), -ELOOP);
	/* One level further down, the rest of the tree is within the limit. */
	path[strlen(top) + strlen("/deep") + 2 * 20] = 0;
	assert_int_equal(kt_remove_tree(path), 0);
	assert_int_equal(kt_remove_tree(in_top("deep")), 0);
}

TEST(test_xdg_folders)
{
	char path[KT_PATH_MAX];

	setenv("HOME", "/home/u", 1);
	setenv("XDG_CACHE_HOME", "/c", 1);
	assert_int_equal(kt_cache_dir(path), 0);
	assert_string_equal(path, "/c/ktest");
	setenv("XDG_CACHE_HOME", "", 1);
	assert_int_equal(kt_cache_dir(path), 0);
	assert_string_equal(path, "/home/u/.cache/ktest");
	setenv("XDG_STATE_HOME", "not/absolute", 1);
	assert_int_equal(kt_state_dir(path), 0);
	assert_string_equal(path, "/home/u/.local/state/ktest");
	unsetenv("HOME");
	assert_int_equal(kt_state_dir(path), -ENOENT);
}
