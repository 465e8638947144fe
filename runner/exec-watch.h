/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept of a command's machine beside the command: the life of the scheduler that it runs
 * under, the output of the loader, and the console. If the scheduler died before the command ended,
 * a folder of artefacts is made of it.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "judge/record.h"
#include "proto/msg.h"

/* What is said beside the command's output; all of it may be empty. */
struct kt_exec_remarks {
	struct kt_diag death; /* of the scheduler, before the command ended */
	/* Lines of the console that are about no scheduler's end. */
	char complaints[KT_CONSOLE_MARKS_MAX][KT_CONSOLE_MARK_MAX];
	unsigned int complaint_count;
	char artifacts[KT_PATH_MAX]; /* folder, after a death */
	struct kt_diag lost;	     /* why the folder is not whole */
};

struct kt_exec_watch {
	struct kt_run_record record; /* of the scheduler and of the console alone */
	struct kt_buf console;
	struct kt_buf log; /* of the loader */
};

/* -ENOMEM. */
int kt_exec_watch_init(struct kt_exec_watch *watch) _kt_must_check_;
void kt_exec_watch_deinit(struct kt_exec_watch *watch);

/* Takes a message of the guest. Results and diag as of kt_run_record_add(). */
int kt_exec_watch_message(struct kt_exec_watch *watch, const struct kt_msg *msg,
			  struct kt_diag *diag) _kt_must_check_;
/* Takes bytes of the console; drops bytes beyond KT_CONSOLE_MAX. */
void kt_exec_watch_console(struct kt_exec_watch *watch, const void *data, size_t len);
/* Takes a line of the console that carries a mark. */
void kt_exec_watch_mark(struct kt_exec_watch *watch, const char *text);

/*
 * Fills in the remarks, whose fields are empty. Returns whether the scheduler died. base: as of
 * kt_artifacts_open().
 */
bool kt_exec_watch_conclude(const struct kt_exec_watch *watch, struct kt_exec_remarks *remarks,
			    const char *base);
