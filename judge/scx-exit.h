/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses exit information of a scheduler from a line of its loader's output or of the
 * kernel's console. Both are hostile input.
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
	enum kt_scx_exit kind; /* KT_SCX_NONE: unknown */
	bool has_code;	       /* code is valid */
	int64_t code;
	char reason[128];
	char message[1024];
};

enum kt_scx_exit_condition {
	/* the line has no exit information; *info is unchanged */
	KT_SCX_EXIT_E_OTHER = KT_CONDITION(SCX_EXIT),
};

/* Parses a line of a loader's output. 0 or KT_SCX_EXIT_E_OTHER. */
int kt_scx_exit_from_output(struct kt_scx_exit_info *info, const char *line) _kt_must_check_;

/* Writes "error-stall: runnable task stall: message" to buf of size bytes; returns buf. */
char *kt_scx_exit_format(const struct kt_scx_exit_info *info, char *buf, size_t size);

/* Whether a line of the console reports the end of any scheduler. */
bool kt_scx_is_exit_line(const char *line);
/* Parses a line of the console about the scheduler named ops. 0 or KT_SCX_EXIT_E_OTHER. */
int kt_scx_exit_from_console(struct kt_scx_exit_info *info, const char *line,
			     const char *ops) _kt_must_check_;
