/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders; host side. All descriptors are O_CLOEXEC. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_PATH_MAX 4096

/* Formats a path; -ENAMETOOLONG instead of a cut one. buf holds KT_PATH_MAX bytes. */
int kt_path_format(char *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) _kt_must_check_;

/* Creates the folder and its parents with mode 0755; one that exists is fine. */
int kt_mkdir_p(const char *path) _kt_must_check_;

enum kt_fs_condition {
	KT_FS_E_NONE = KT_CONDITION(FS), /* no file has this path */
	KT_FS_E_LARGE,			 /* the file exceeds the limit of the buffer */
};

/* Whether the errno err says that no file has a path. */
static inline bool kt_errno_is_none(int err)
{
	return err == ENOENT || err == ENOTDIR;
}

/* Appends the file's bytes to out. -ENOENT, -ENOTDIR; -ENOBUFS: KT_FS_E_LARGE. */
int kt_read_file(const char *path, struct kt_buf *out) _kt_must_check_;
/* Appends the file's bytes to out; a kt_fs_condition for a file that need not be there. */
int kt_try_read_file(const char *path, struct kt_buf *out) _kt_must_check_;
/* All of data at the descriptor's position; retries short writes and EINTR. */
int kt_write_all(int fd, const void *data, size_t len) _kt_must_check_;
/* Creates or replaces the file as a whole: temporary file, then rename. */
int kt_write_file_atomic(const char *path, const void *data, size_t len) _kt_must_check_;
/* Appends all of the source descriptor, from offset 0, to the destination. */
int kt_copy_fd(int dst_fd, int src_fd) _kt_must_check_;

/* Copies the first `bytes` of a file to the same places; holes stay holes. */
int kt_copy_data(int dst_fd, int src_fd, off_t bytes) _kt_must_check_;

/* Removes a file, or a folder with all in it, not following links. Gone already is fine. */
int kt_remove_tree(const char *path) _kt_must_check_;

/*
 * XDG folders of ktest: "$XDG_CACHE_HOME/ktest" or "~/.cache/ktest", and
 * "$XDG_STATE_HOME/ktest" or "~/.local/state/ktest". Not created. -ENOENT when
 * neither the variable nor HOME is set.
 */
int kt_cache_dir(char *buf) _kt_must_check_;
int kt_state_dir(char *buf) _kt_must_check_;
