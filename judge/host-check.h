/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a host check: in a process of its own, which sees the record and
 * sends back findings. A check that crashes or does not end within its time is
 * a finding too, so that it can never pass by accident.
 */
#pragma once

#include "base/error.h"
#include "judge/record.h"
#include "scenario/scenario.h"

/* Wall time a check may take, seconds. */
#define KT_CHECK_SECONDS_MAX 30

enum kt_check_run_condition {
	/* cancel_fd became readable; the check was killed */
	KT_CHECK_RUN_E_CANCELLED = KT_CONDITION(CHECK_RUN),
};

/*
 * Runs fn over the record and adds its findings to it. cancel_fd (-1: none) is
 * watched and not read.
 */
int kt_check_run(struct kt_run_record *rec, const char *what, void (*fn)(struct kt_check *ck),
		 int cancel_fd) _kt_must_check_;
