/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders of the host. All descriptors are O_CLOEXEC. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_PATH_MAX 4096

/* Formats a path into buf of KT_PATH_MAX bytes. -ENAMETOOLONG instead of a cut path. */
int kt_path_format(char *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) _kt_must_check_;

/* Creates the folder and its parents with mode 0755; existing folders are no error. */
int kt_mkdir_p(const char *path) _kt_must_check_;

enum kt_fs_condition {
	KT_FS_E_NONE = KT_CONDITION(FS), /* no file has this path */
	KT_FS_E_LARGE,			 /* the file exceeds the limit of the buffer */
	KT_FS_E_SHORT,			 /* the file ends before the bytes that are read */
};

/* Whether the errno err says that no file has a path; ESRCH: in /proc, of an ended process. */
static inline bool kt_errno_is_none(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ESRCH;
}

/* Appends the file's bytes to out. -ENOBUFS: the file exceeds the limit of out. */
int kt_read_file(const char *path, struct kt_buf *out) _kt_must_check_;
/*
 * kt_read_file() for callers that do without the file: KT_FS_E_NONE or KT_FS_E_LARGE instead of the
 * errnos of these two cases.
 */
int kt_try_read_file(const char *path, struct kt_buf *out) _kt_must_check_;
/* Reads exactly len bytes from offset `at`. KT_FS_E_SHORT. */
int kt_read_at(int fd, void *buf, size_t len, off_t at) _kt_must_check_;
/* Writes all len bytes at the file offset of fd; retries short writes and EINTR. */
int kt_write_all(int fd, const void *data, size_t len) _kt_must_check_;
/* Creates or replaces a file atomically: temporary file, fsync(2), rename(2). */
int kt_write_file_atomic(const char *path, const void *data, size_t len) _kt_must_check_;
/* Appends the first `bytes` bytes of src_fd to dst_fd. -EIO: src_fd has fewer. */
int kt_append_bytes(int dst_fd, int src_fd, uint64_t bytes) _kt_must_check_;
/* Appends the whole file src_fd, from offset 0, to dst_fd. */
int kt_copy_fd(int dst_fd, int src_fd) _kt_must_check_;

/* Copies the first `bytes` bytes of src_fd to the same offsets of dst_fd; holes stay holes. */
int kt_copy_data(int dst_fd, int src_fd, off_t bytes) _kt_must_check_;

/* Removes a file or a folder with its contents; follows no link. An absent path is no error. */
int kt_remove_tree(const char *path) _kt_must_check_;

/*
 * Formats the XDG folders of ktest into buf of KT_PATH_MAX bytes: "$XDG_CACHE_HOME/ktest"
 * or "~/.cache/ktest", and "$XDG_STATE_HOME/ktest" or "~/.local/state/ktest". Creates
 * nothing. -ENOENT: neither the variable nor HOME is set.
 */
int kt_cache_dir(char *buf) _kt_must_check_;
int kt_state_dir(char *buf) _kt_must_check_;
