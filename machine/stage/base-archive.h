/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The base archive: init, the folders it mounts on and the console node. It
 * depends on init alone, so that it is kept in the cache as
 * initramfs/<XXH3 of init>.cpio, with a trailer that proves it whole:
 *
 *   archive bytes, "KTBASE1\n", length of the archive (8 bytes), XXH3-64 of it (8)
 *
 * both little-endian. A file that does not check out is rebuilt and replaced; a
 * cache that cannot be used only costs time.
 */
#pragma once

#include "base/error.h"

/* Appends the base archive for the init at that path to out_fd. */
int kt_base_archive_append(int out_fd, const char *init_path) _kt_must_check_;
