/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and writes files of the kernel; see kernel-file.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ops/guest/kernel-file.h"

ssize_t kt_kernel_file_read_all(const char *path, char *text, size_t size)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = 0;
	return n;
}

ssize_t kt_kernel_file_read(const char *path, char *text, size_t size)
{
	ssize_t n = kt_kernel_file_read_all(path, text, size);

	text[strcspn(text, "\n")] = 0;
	return n;
}

bool kt_kernel_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	size_t len = strlen(text);
	/* The kernel ignores a write of 0 bytes: an empty text is an empty line. */
	bool written = fd >= 0 && write(fd, len ? text : "\n", len ?: 1) >= 0;

	error = errno;
	kt_closep(&fd);
	errno = error;
	return written;
}
