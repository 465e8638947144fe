/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses exit information of a scheduler from a line of its loader's output or of the
 * kernel's console. Both are hostile input.
 *
 *   EXIT: kind=1026 (error-stall) reason="..." message="..." code=0x1
 *                                          ktest's loaders (schedulers/loader.c)
 *   EXIT: runnable task stall (message)    UEI_REPORT() of the kernel's tools/sched_ext; from
 *                                          7.3 on with " on CPU 3" at the end
 *   sched_ext: BPF scheduler "x" disabled (runnable task stall)
 *   sched_ext: x: message                  kernel/sched/ext.c, on the console
 *
 * A report of a loader may stand anywhere in a line, behind a time stamp or a level, and among
 * the escape sequences of colours. Its message may have several lines.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/result.h"

struct kt_scx_exit_info {
	enum kt_scx_exit kind; /* KT_SCX_NONE: unknown */
	bool has_code;	       /* code is valid */
	int64_t code;
	bool open; /* the message goes on in the next line: kt_scx_exit_continue() */
	char reason[128];
	char message[1024];
};

enum kt_scx_exit_condition {
	/* the line has no exit information; *info is unchanged */
	KT_SCX_EXIT_E_OTHER = KT_CONDITION(SCX_EXIT),
};

#define KT_SCX_LINE_MAX 1400 /* bytes of a line that are looked at */

/* Parses a line of a loader's output. 0 or KT_SCX_EXIT_E_OTHER. */
int kt_scx_exit_from_output(struct kt_scx_exit_info *info, const char *line) _kt_must_check_;

/* Adds the next line of the loader's output to an open message. */
void kt_scx_exit_continue(struct kt_scx_exit_info *info, const char *line);

/* Writes "error-stall: runnable task stall: message" to buf of size bytes; returns buf. */
char *kt_scx_exit_format(const struct kt_scx_exit_info *info, char *buf, size_t size);

/* Whether a line of the console is about the end of any scheduler, and no complaint. */
bool kt_scx_is_exit_line(const char *line);
/*
 * Parses a line of the console about the scheduler named ops: its first line if info is empty,
 * else its message if info has none. 0 or KT_SCX_EXIT_E_OTHER, with info unchanged.
 */
int kt_scx_exit_from_console(struct kt_scx_exit_info *info, const char *line,
			     const char *ops) _kt_must_check_;
