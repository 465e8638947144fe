/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of ops in which the kernel may keep its caller, while it waits for threads that a
 * scheduler does not run: hotplug, cgroups, tunables. A child of PID 1 makes the call, so that
 * PID 1 goes on serving the host and can say what has not ended.
 */
#pragma once

#include "ops/guest/pid1.h"
#include "proto/result.h"

#define KT_APART_NS (10 * UINT64_C(1000000000)) /* of guest time, that a call may take */

/*
 * Calls work(arg) in a child of PID 1's scheduling class. work returns 0 or an errno, which
 * becomes *ret_errno. what, for texts: "write '0' to /sys/...". Returns KT_OP_OK; KT_OP_STUCK if
 * the call has not ended in KT_APART_NS, and the child lives on; KT_OP_INTERNAL.
 */
enum kt_op_error kt_apart(struct kt_pid1 *pid1, int (*work)(const void *arg), const void *arg,
			  const char *what, int *ret_errno, char *text);

/* Writes a line to a file of the kernel, by kt_apart(). */
enum kt_op_error kt_write_apart(struct kt_pid1 *pid1, const char *path, const char *value,
				int *ret_errno, char *text);
/* Likewise mkdir(2) with mode 0755, and rmdir(2). */
enum kt_op_error kt_mkdir_apart(struct kt_pid1 *pid1, const char *path, int *ret_errno, char *text);
enum kt_op_error kt_rmdir_apart(struct kt_pid1 *pid1, const char *path, int *ret_errno, char *text);
