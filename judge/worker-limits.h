/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges what was seen of the workers by the limits that hold for them: see
 * scenario/limit.h for what they are and where they come from.
 */
#pragma once

#include "judge/record.h"
#include "scenario/scenario.h"

/* The limits of these workers; user: those of the command line, or NULL. */
struct kt_limits kt_limits_of(const struct kt_scenario *s, const struct kt_workers *workers,
			      const struct kt_limits *user);

/* Adds a finding to the record for each limit that was not kept, or cannot be told of. */
int kt_limits_judge(struct kt_run_record *rec, const struct kt_scenario *s,
		    const struct kt_limits *user) _kt_must_check_;
