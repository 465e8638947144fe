/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a scheduler ended, from what was said of it: by its own loader, or by the
 * kernel on the console. Both are hostile input.
 *
 *   EXIT: kind=1026 (error-stall) reason="..." message="..." code=0x1
 *                                          ktest's loaders (schedulers/loader.c)
 *   EXIT: runnable task stall (message)    UEI_REPORT() of the kernel's tools/sched_ext
 *   sched_ext: BPF scheduler "x" disabled (runnable task stall)
 *                                          kernel/sched/ext.c
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/result.h"

struct kt_scx_exit_info {
	enum kt_scx_exit kind; /* KT_SCX_NONE: nothing is known */
	bool has_code;
	int64_t code;
	char reason[128];
	char message[1024];
};

enum kt_scx_exit_condition {
	/* the line says nothing of an end; nothing was changed */
	KT_SCX_EXIT_E_OTHER = KT_CONDITION(SCX_EXIT),
};

/* A line that a scheduler's process wrote. */
int kt_scx_exit_from_output(struct kt_scx_exit_info *info, const char *line) _kt_must_check_;

/* "error-stall: runnable task stall: message"; buf of size bytes; returns buf. */
char *kt_scx_exit_format(const struct kt_scx_exit_info *info, char *buf, size_t size);

/* Whether a line of the kernel's says that it ended a scheduler, any one. */
bool kt_scx_is_exit_line(const char *line);
/* A line of the kernel's, if it is about the scheduler that calls itself ops. */
int kt_scx_exit_from_console(struct kt_scx_exit_info *info, const char *line,
			     const char *ops) _kt_must_check_;
