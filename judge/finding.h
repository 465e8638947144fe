/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings of limits, and the words that all of them share. */
#pragma once

#include "judge/record.h"
#include "scenario/limit.h"
#include "scenario/scenario.h"

/*
 * Adds the finding "LIMIT: text", at the place of the scenario. late: of kind LATE, else NULL.
 * Negative errno.
 */
int kt_limit_finding(struct kt_run_record *rec, const struct kt_scenario *scenario,
		     enum kt_finding_kind kind, enum kt_limit limit, const struct kt_lateness *late,
		     const char *text) _kt_must_check_;

#define KT_OTHERS_MAX 32 /* bytes */

/* " (and 2 others)"; "" if count is 1. Returns buf. */
const char *kt_others(char buf[KT_OTHERS_MAX], unsigned int count);

#define KT_WHEN_MAX 256 /* bytes */

/* "1.250 s into step 'run', under 'x' (generation 1)". Returns buf. */
const char *kt_when(char buf[KT_WHEN_MAX], const struct kt_run_record *rec,
		    const struct kt_scenario *scenario, uint64_t ns);

/* The generation that was live at ns; NULL: the kernel's own scheduler was. */
const struct kt_sched_record *kt_live_at(const struct kt_run_record *rec, uint64_t ns);
