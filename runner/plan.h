/* SPDX-License-Identifier: GPL-2.0-only */
/* From what the user names to the scenarios that are meant. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "scenario/scenario.h"

struct kt_plan {
	const struct kt_scenario **scenarios; /* owned array of static records, in table order */
	unsigned int count;
};

enum kt_plan_condition {
	KT_PLAN_E_NO_MATCH = KT_CONDITION(PLAN), /* a pattern matches no scenario */
};

/*
 * Selects by globs (fnmatch(3)); a scenario named twice is run once. No pattern
 * selects all. KT_PLAN_E_NO_MATCH with diag, which suggests the nearest name.
 */
int kt_plan_select(struct kt_plan *ret_plan, const char *const *patterns, unsigned int count,
		   struct kt_diag *diag) _kt_must_check_;
void kt_plan_deinit(struct kt_plan *plan);
