/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges the measurements of workers by their limits. scenario/limit.h defines the limits
 * and their precedence.
 */
#pragma once

#include "judge/record.h"
#include "scenario/scenario.h"

/* The effective limits of workers; user: limits of the command line, or NULL. */
struct kt_limits kt_limits_of(const struct kt_scenario *s, const struct kt_workers *workers,
			      const struct kt_limits *user);

/*
 * Adds a finding to rec for each limit that workers exceeded or that lacks data to judge by.
 * user: limits of the command line, or NULL. Negative errno.
 */
int kt_limits_judge(struct kt_run_record *rec, const struct kt_scenario *s,
		    const struct kt_limits *user) _kt_must_check_;
