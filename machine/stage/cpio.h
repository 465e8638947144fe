/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing newc cpio archives, the format of initramfs. All members belong to root and have no
 * time stamp: the same content gives the same bytes. One file may hold several archives,
 * each closed with kt_cpio_end(). Paths may begin with '/'. All functions return 0 or a
 * negative errno.
 *
 * Layout: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define KT_CPIO_PATH_MAX 4096 /* with the final 0; limit of the kernel's unpacker */

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
/*
 * Adds source_fd, a regular file, from offset 0. -EFBIG: larger than 4 GiB; -EIO: the file shrank
 * during the call.
 */
int kt_cpio_file_fd(struct kt_cpio *cpio, const char *path, mode_t mode,
		    int source_fd) _kt_must_check_;
/* Closes the archive; another archive may follow. */
int kt_cpio_end(struct kt_cpio *cpio) _kt_must_check_;
