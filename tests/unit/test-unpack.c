/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unpacking archives, with the host's own writer and by hand: what is made, in
 * pieces of every size, and what no archive may do.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/staging/unpack.h"
#include "machine/stage/cpio.h"
#include "tests/unit/folder.h"

static struct kt_buf archive;

/* A member in the form of the archive; size: what the header says, < 0: the data's length. */
static void member(const char *name, unsigned int mode, const char *data, long size)
{
	size_t len = strlen(data);

	assert_int_equal(
		kt_buf_printf(&archive,
			      "070701%08x%08x%08x%08x%08x%08x%08lx%08x%08x%08x%08x%08zx%08x", 1,
			      mode, 0, 0, 1, 0, size < 0 ? (long)len : size, 0, 0, 1, 3,
			      strlen(name) + 1, 0),
		0);
	assert_int_equal(kt_buf_append(&archive, name, strlen(name) + 1), 0);
	assert_int_equal(kt_buf_append(&archive, "\0\0\0", -archive.len & 3), 0);
	assert_int_equal(kt_buf_append(&archive, data, len), 0);
	assert_int_equal(kt_buf_append(&archive, "\0\0\0", -archive.len & 3), 0);
}

static void trailer(void)
{
	member("TRAILER!!!", 0, "", 0);
}

static void setup(void)
{
	archive = KT_BUF_INIT(0);
	make_top();
	assert_int_equal(mkdir(in_top("root"), 0755), 0);
}

static void teardown(void)
{
	kt_buf_deinit(&archive);
	remove_top();
}

AROUND_EACH(setup, teardown);

static int unpack(size_t piece, struct kt_diag *diag)
{
	_cleanup_(kt_closep) int fd = open(in_top("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(kt_unpack_deinit) struct kt_unpack u;
	int r = 0;

	assert_true(fd >= 0);
	kt_unpack_init(&u, fd);
	for (size_t at = 0; at < archive.len && !r; at += piece) {
		size_t len = KT_MIN(piece, archive.len - at);

		r = kt_unpack_feed(&u, archive.data + at, len, at + len == archive.len, diag);
	}
	return r;
}

static void unpacks(void)
{
	assert_ok(unpack(archive.len, &diag));
}

static void refused(const char *doing, const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(unpack(archive.len, &diag), KT_UNPACK_E_FAILED);
	if (!strstr(diag.doing, doing) || !strstr(diag.cause, cause))
		fail_msg("'%s: %s' does not have '%s' and '%s'", diag.doing, diag.cause, doing,
			 cause);
	archive.len = 0;
}

static void check_text(const char *name, const char *want)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);

	assert_int_equal(kt_read_file(in_top(name), &text), 0);
	assert_string_equal(kt_buf_str(&text), want);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(in_top(name), &st), 0);
	return st.st_mode;
}

/* What the host's writer makes, in pieces of every size. */
TEST(test_round_trip)
{
	for (size_t piece = 1; piece < 200; piece += 13) {
		_cleanup_(kt_closep) int fd = memfd_create("archive", MFD_CLOEXEC);
		struct kt_cpio cpio = KT_CPIO_INIT(fd);
		char path[64];

		assert_int_equal(kt_cpio_dir(&cpio, "/etc", 0750), 0);
		assert_int_equal(kt_cpio_file(&cpio, "/etc/one", 0640, "first", 5), 0);
		assert_int_equal(kt_cpio_file(&cpio, "/etc/empty", 0600, "", 0), 0);
		assert_int_equal(kt_cpio_end(&cpio), 0);
		assert_int_equal(kt_cpio_file(&cpio, "/two", 04755, "second!", 7), 0);
		assert_int_equal(kt_cpio_end(&cpio), 0);
		assert_int_equal(kt_path_format(path, "/proc/self/fd/%d", fd), 0);
		archive.len = 0;
		assert_int_equal(kt_read_file(path, &archive), 0);
		assert_ok(unpack(piece, &diag));
		check_text("root/etc/one", "first");
		check_text("root/etc/empty", "");
		check_text("root/two", "second!");
		assert_int_equal(mode_of("root/etc"), S_IFDIR | 0750);
		assert_int_equal(mode_of("root/etc/one"), S_IFREG | 0640);
		assert_int_equal(mode_of("root/two"), S_IFREG | 04755);
		assert_int_equal(kt_remove_tree(in_top("root/etc")), 0);
	}
}

TEST(test_links_and_fifos)
{
	char target[64];
	ssize_t n;

	member("dir", S_IFDIR | 0755, "", -1);
	member("link", S_IFLNK | 0777, "dir", -1);
	member("link/file", S_IFREG | 0644, "through the link", -1);
	member("pipe", S_IFIFO | 0600, "", -1);
	trailer();
	unpacks();
	n = readlink(in_top("root/link"), target, sizeof(target));
	assert_int_equal(n, 3);
	check_text("root/dir/file", "through the link");
	assert_int_equal(mode_of("root/pipe"), S_IFIFO | 0600);
}

/* A later member replaces an earlier one; a folder, or a link to one, stays. */
TEST(test_later_members_replace)
{
	member("d", S_IFDIR | 0755, "", -1);
	member("l", S_IFLNK | 0777, "d", -1);
	member("l", S_IFDIR | 0755, "", -1);
	member("d/f", S_IFREG | 0644, "old and longer", -1);
	member("d/f", S_IFREG | 0600, "new", -1);
	member("d/g", S_IFLNK | 0777, "f", -1);
	member("d/g", S_IFREG | 0600, "no link", -1);
	member("d", S_IFDIR | 0700, "", -1);
	trailer();
	unpacks();
	check_text("root/d/f", "new");
	check_text("root/d/g", "no link");
	assert_true(S_ISLNK(mode_of("root/l")));
}

/* However it is put, nothing is made outside of the root. */
TEST(test_nothing_gets_out)
{
	char up[KT_PATH_MAX];

	member("../out", S_IFREG | 0644, "x", -1);
	member("/../../out", S_IFREG | 0644, "x", -1);
	assert_int_equal(kt_path_format(up, "%s", in_top("")), 0);
	member("abs", S_IFLNK | 0777, up, -1);
	member("rel", S_IFLNK | 0777, "..", -1);
	member("rel/out", S_IFREG | 0644, "x", -1);
	member("file", S_IFLNK | 0777, "../out", -1);
	member("file", S_IFREG | 0644, "x", -1);
	trailer();
	unpacks();
	assert_int_equal(access(in_top("out"), F_OK), -1);
	check_text("root/out", "x");
	archive.len = 0;
	member("abs/out", S_IFREG | 0644, "x", -1);
	refused("'abs/out'", "No such file");
	assert_int_equal(access(in_top("out"), F_OK), -1);
}

TEST(test_names_that_are_none)
{
	static const char *const names[] = { "..", "a/..", "a/.", "a/" };

	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		member(names[i], S_IFREG | 0644, "x", -1);
		refused(names[i], "no name");
	}
	member(".", S_IFDIR | 0755, "", -1);
	trailer();
	unpacks();
}

TEST(test_clashes)
{
	member("d", S_IFDIR | 0755, "", -1);
	member("d", S_IFREG | 0755, "", -1);
	refused("'d'", "a folder is there");
	member("f", S_IFREG | 0755, "", -1);
	member("f", S_IFDIR | 0755, "", -1);
	refused("'f'", "no folder");
	member("x", 0170000, "", -1);
	refused("'x'", "no known type");
	member("missing/f", S_IFREG | 0644, "", -1);
	refused("'missing/f'", "No such file");
}

TEST(test_malformed)
{
	static const char *const whys[] = { "no newc header", "no number" };

	for (size_t i = 0; i < 2; i++) {
		member("a", S_IFREG, "", -1);
		archive.data[i ? 15 : 5] = 'x';
		refused("unpack the archive that the host stages", whys[i]);
	}
	member("a", S_IFREG, "", -1);
	memcpy(archive.data + 94, "00000001", 8);
	refused("unpack", "no name");
	member("a", S_IFREG, "", -1);
	memcpy(archive.data + 94, "00001001", 8);
	refused("unpack", "too long");
	member("abc", S_IFREG, "", -1);
	memcpy(archive.data + 94, "00000003", 8);
	refused("unpack", "not as long");
	member("TRAILER!!!", 0, "data", -1);
	refused("unpack", "trailer");
	member("l", S_IFLNK, "", 5000);
	refused("'l'", "too long");
	member("l", S_IFLNK, "", -1);
	refused("'l'", "no path");
}

/* Every way to cut it, but the right one. */
TEST(test_truncated)
{
	size_t whole;

	member("a", S_IFREG | 0644, "some data", -1);
	trailer();
	whole = archive.len;
	for (size_t len = 1; len < whole; len++) {
		struct kt_diag diag = KT_DIAG_INIT;

		archive.len = len;
		assert_int_equal(unpack(len, &diag), KT_UNPACK_E_FAILED);
		assert_contains(diag.cause, "middle of an archive");
	}
	archive.len = whole;
	unpacks();
}
