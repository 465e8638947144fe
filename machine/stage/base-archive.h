/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The base archive: init, init's mount points and the console node. The content depends on
 * init only; the archive is therefore cached as initramfs/<XXH3 of init>.cpio, with a
 * trailer that proves the file complete:
 *
 *   archive, "KTBASE1\n", length of the archive (8 bytes), XXH3-64 of the archive (8 bytes)
 *
 * in little-endian. A damaged file is rebuilt and replaced; an unusable cache costs only
 * time.
 */
#pragma once

#include "base/error.h"

/* Appends the base archive for the init at init_path to out_fd. Negative errno only. */
int kt_base_archive_append(int out_fd, const char *init_path) _kt_must_check_;
