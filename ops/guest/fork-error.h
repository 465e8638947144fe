/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a failed fork(2) is held against. The ops.init_task() of a scheduler may refuse a new task:
 * fork(2) then fails with the errno that the callback returned, and the kernel prints nothing.
 */
#pragma once

#include <stdint.h>

#include "proto/result.h"

/* fork(2) finds memory if this much is free, bytes: it needs some tens of KiB. */
#define KT_FORK_FREE_BYTES (16ull << 20)

/* The guest when a fork(2) failed. */
struct kt_fork_error {
	int error;	     /* errno */
	const char *ops;     /* name of the scheduler that the kernel runs; "": its own */
	uint64_t free_bytes; /* free memory */
};

/*
 * Writes why `what` ("workers 'load'") could not be forked to text, KT_TEXT_MAX bytes. Returns
 * KT_OP_REFUSED if the errno is left to the scheduler alone: one is live, the errno is none of
 * fork(2)'s own limits, and memory is not short. Else KT_OP_INTERNAL.
 */
enum kt_op_error kt_fork_error_blame(const struct kt_fork_error *e, const char *what, char *text);

/* kt_fork_error_blame() of the guest as it is. error: errno. */
enum kt_op_error kt_fork_error(int error, const char *what, char *text);
