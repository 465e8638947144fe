/* SPDX-License-Identifier: GPL-2.0-only */
/* The newc writer, read back by an independent reader. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "machine/stage/cpio.h"
#include "tests/unit/test.h"
#include "tests/unit/cpio-reader.h"

static void read_back(struct kt_buf *out, int fd)
{
	char path[64];

	assert_int_equal(kt_path_format(path, "/proc/self/fd/%d", fd), 0);
	assert_int_equal(kt_read_file(path, out), 0);
}

TEST(test_members_come_back)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int fd = memfd_create("out", MFD_CLOEXEC);
	_cleanup_(kt_closep) int source = memfd_create("source", MFD_CLOEXEC);
	struct kt_cpio cpio = KT_CPIO_INIT(fd);
	struct cpio_member m;
	size_t pos = 0;

	assert_int_equal(kt_write_all(source, "0123456789", 10), 0);
	assert_int_equal(kt_cpio_dir(&cpio, "/dev", 0755), 0);
	assert_int_equal(kt_cpio_node(&cpio, "/dev/console", S_IFCHR | 0600, 5, 1), 0);
	assert_int_equal(kt_cpio_file(&cpio, "a", 0644, "xyz", 3), 0);
	assert_int_equal(kt_cpio_file(&cpio, "empty", 0444, NULL, 0), 0);
	assert_int_equal(kt_cpio_file_fd(&cpio, "//b/c", 0755, source), 0);
	assert_int_equal(kt_cpio_end(&cpio), 0);
	read_back(&bytes, fd);
	assert_int_equal(bytes.len, cpio.pos);

	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_string_equal(m.name, "dev");
	assert_int_equal(m.mode, S_IFDIR | 0755);
	assert_int_equal(m.nlink, 2);
	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_string_equal(m.name, "dev/console");
	assert_int_equal(m.mode, S_IFCHR | 0600);
	assert_int_equal(m.rmajor, 5);
	assert_int_equal(m.rminor, 1);
	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_string_equal(m.name, "a");
	assert_int_equal(m.len, 3);
	assert_memory_equal(m.data, "xyz", 3);
	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_int_equal(m.len, 0);
	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_string_equal(m.name, "b/c");
	assert_int_equal(m.mode, S_IFREG | 0755);
	assert_int_equal(m.ino, 5);
	assert_memory_equal(m.data, "0123456789", 10);
	assert_true(cpio_next(bytes.data, bytes.len, &pos, &m));
	assert_string_equal(m.name, "TRAILER!!!");
	assert_int_equal(pos, bytes.len);
}

/* What is not aligned or not closed would be lost to the kernel. */
TEST(test_archives_can_follow_each_other)
{
	_cleanup_(kt_buf_deinit) struct kt_buf bytes = KT_BUF_INIT(0);
	_cleanup_(kt_closep) int fd = memfd_create("out", MFD_CLOEXEC);
	struct cpio_member m;

	for (int i = 0; i < 2; i++) {
		struct kt_cpio cpio = KT_CPIO_INIT(fd);

		assert_int_equal(kt_cpio_file(&cpio, i ? "second" : "first", 0644, "12345", 5), 0);
		assert_int_equal(kt_cpio_end(&cpio), 0);
		assert_int_equal(cpio.pos % 4, 0);
	}
	read_back(&bytes, fd);
	assert_true(cpio_find(bytes.data, bytes.len, "first", &m));
	assert_true(cpio_find(bytes.data, bytes.len, "second", &m));
	assert_memory_equal(m.data, "12345", 5);
}

TEST(test_same_content_same_bytes)
{
	struct kt_buf bytes[2] = { KT_BUF_INIT(0), KT_BUF_INIT(0) };

	for (int i = 0; i < 2; i++) {
		_cleanup_(kt_closep) int fd = memfd_create("out", MFD_CLOEXEC);
		struct kt_cpio cpio = KT_CPIO_INIT(fd);

		assert_int_equal(kt_cpio_file(&cpio, "x", 0644, "x", 1), 0);
		assert_int_equal(kt_cpio_end(&cpio), 0);
		read_back(&bytes[i], fd);
	}
	assert_int_equal(bytes[0].len, bytes[1].len);
	assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
	kt_buf_deinit(&bytes[0]);
	kt_buf_deinit(&bytes[1]);
}

TEST(test_refuses_what_cannot_be_written)
{
	_cleanup_(kt_closep) int fd = memfd_create("out", MFD_CLOEXEC);
	_cleanup_(kt_closep) int huge = memfd_create("huge", MFD_CLOEXEC);
	_cleanup_(kt_closep) int folder = open("/", O_RDONLY | O_CLOEXEC);
	struct kt_cpio cpio = KT_CPIO_INIT(fd);
	char path[KT_CPIO_PATH_MAX + 2];

	memset(path, 'a', sizeof(path));
	path[KT_CPIO_PATH_MAX] = 0;
	assert_int_equal(kt_cpio_dir(&cpio, path, 0755), -ENAMETOOLONG);
	path[KT_CPIO_PATH_MAX - 1] = 0;
	assert_int_equal(kt_cpio_dir(&cpio, path, 0755), 0);
	assert_int_equal(kt_cpio_dir(&cpio, "/", 0755), -EINVAL);
	assert_int_equal(kt_cpio_file_fd(&cpio, "d", 0644, folder), -EINVAL);
	assert_int_equal(ftruncate(huge, (off_t)UINT32_MAX + 1), 0);
	assert_int_equal(kt_cpio_file_fd(&cpio, "h", 0644, huge), -EFBIG);
}
