/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program of a build: run to its end, its output line by line to a log and
 * to whoever shows progress, ended early when told so.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"

/* A line of output, without its newline; or NULL about once a second while there is none. */
typedef void kt_child_line_fn(const char *line, void *data);

struct kt_child {
	const char *const *argv;   /* NULL-terminated */
	const char *cwd;	   /* NULL: the caller's */
	int log_fd;		   /* gets stdout and stderr; -1: none */
	int cancel_fd;		   /* ends the program when readable; -1: none */
	int keep_fd;		   /* inherited by the program and its children; -1: none */
	kt_child_line_fn *on_line; /* NULL: nobody */
	void *data;
	struct kt_buf *output; /* NULL, or where stdout and stderr are appended */
};

#define KT_CHILD_INIT ((struct kt_child){ .log_fd = -1, .cancel_fd = -1, .keep_fd = -1 })

enum kt_child_condition {
	KT_CHILD_E_FAILED = KT_CONDITION(CHILD), /* it ended, not with status 0; diag says how */
	KT_CHILD_E_CANCELLED,
	KT_CHILD_E_NONE, /* no program has the name argv[0]; diag says so */
};

/*
 * The program runs in a process group of its own, which is gone when this
 * returns: cancelled, it gets SIGTERM and, should that not be enough, SIGKILL.
 * 0 for exit status 0; a kt_child_condition.
 */
int kt_child_run(const struct kt_child *child, struct kt_diag *diag) _kt_must_check_;
