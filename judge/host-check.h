/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the check of a scenario in a child process, which reads the record and sends
 * findings back. A check that crashes or exceeds KT_CHECK_SECONDS_MAX is itself a
 * finding, so that no check passes by accident.
 */
#pragma once

#include "base/error.h"
#include "judge/record.h"
#include "scenario/scenario.h"

/* Limit of one check, seconds of wall time. */
#define KT_CHECK_SECONDS_MAX 30

enum kt_check_run_condition {
	/* cancel_fd became readable; the child was killed */
	KT_CHECK_RUN_E_CANCELLED = KT_CONDITION(CHECK_RUN),
};

/*
 * Runs fn over rec and adds the findings of fn to rec. what: the kind of function, for
 * messages. cancel_fd (-1: none) is polled and not read. 0, KT_CHECK_RUN_E_CANCELLED or
 * negative errno.
 */
int kt_check_run(struct kt_run_record *rec, const char *what, void (*fn)(struct kt_check *ck),
		 int cancel_fd) _kt_must_check_;
