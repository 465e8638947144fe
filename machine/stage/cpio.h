/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing newc cpio archives, the form the kernel unpacks as initramfs. All
 * members belong to root and have no time stamp: the same content gives the
 * same bytes. Several archives may follow each other in one file; each is
 * closed with kt_cpio_end(). Paths are given with or without a leading '/'.
 *
 * Layout: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define KT_CPIO_PATH_MAX 4096 /* with the 0, as in the kernel's unpacker */

struct kt_cpio {
	int fd;	      /* borrowed; written at its position */
	uint32_t ino; /* of the last member */
	uint64_t pos; /* bytes written; members start at multiples of 4 */
};

#define KT_CPIO_INIT(out_fd) ((struct kt_cpio){ .fd = (out_fd) })

int kt_cpio_dir(struct kt_cpio *cpio, const char *path, mode_t mode) _kt_must_check_;
/* mode carries S_IFCHR or S_IFBLK. */
int kt_cpio_node(struct kt_cpio *cpio, const char *path, mode_t mode, unsigned int major_nr,
		 unsigned int minor_nr) _kt_must_check_;
int kt_cpio_file(struct kt_cpio *cpio, const char *path, mode_t mode, const void *data,
		 size_t len) _kt_must_check_;
/* All of source_fd, a regular file, from offset 0. -EFBIG above 4 GiB, -EIO if it shrinks. */
int kt_cpio_file_fd(struct kt_cpio *cpio, const char *path, mode_t mode,
		    int source_fd) _kt_must_check_;
/* Closes the archive; another one may follow. */
int kt_cpio_end(struct kt_cpio *cpio) _kt_must_check_;
