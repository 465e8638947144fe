/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs one program to its end. Its output goes to a log file, line by line to a callback
 * that shows progress, and into a buffer; a descriptor cancels the program.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

/* line: one line of output without its newline; NULL about once per second without output. */
typedef void kt_child_line_fn(const char *line, void *data);

struct kt_child {
	const char *const *argv;   /* NULL-terminated */
	const char *cwd;	   /* NULL: working directory of the caller */
	int log_fd;		   /* receives stdout and stderr; -1: none */
	int cancel_fd;		   /* readable: ends the program; -1: none */
	int keep_fd;		   /* the program and its children inherit it; -1: none */
	kt_child_line_fn *on_line; /* NULL: none */
	void *data;
	struct kt_buf *output; /* stdout and stderr are appended; NULL: none */
};

#define KT_CHILD_INIT ((struct kt_child){ .log_fd = -1, .cancel_fd = -1, .keep_fd = -1 })

enum kt_child_condition {
	KT_CHILD_E_FAILED = KT_CONDITION(CHILD), /* signal or exit status that is not 0; in diag */
	KT_CHILD_E_CANCELLED,			 /* cancel_fd became readable */
	KT_CHILD_E_NONE,			 /* no program has the name argv[0]; diag says so */
};

/*
 * Runs child->argv in its own process group and returns when all processes of the group
 * have ended. Cancelling sends SIGTERM, and SIGKILL 5 s later. 0: the exit status is 0.
 * Otherwise a kt_child_condition, or negative errno.
 */
int kt_child_run(const struct kt_child *child, struct kt_diag *diag) _kt_must_check_;
