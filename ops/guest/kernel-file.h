/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of the kernel's own file systems, which are read and written as one short text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads the file into text of `size` bytes, as far as it fits. Returns as read(2). */
ssize_t kt_kernel_file_read_all(const char *path, char *text, size_t size);
/* Likewise, the first line alone, without its end. */
ssize_t kt_kernel_file_read(const char *path, char *text, size_t size);

/* Writes a line. False: see errno. */
bool kt_kernel_file_write(const char *path, const char *text);
