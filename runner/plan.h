/* SPDX-License-Identifier: GPL-2.0-only */
/* From what the user names to the cells that are to be run. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "scenario/cell.h"

struct kt_plan {
	struct kt_cell *cells; /* owned array, in the order of the table of scenarios */
	unsigned int count;
};

enum kt_plan_condition {
	KT_PLAN_E_NO_MATCH = KT_CONDITION(PLAN), /* a pattern matches no scenario */
	KT_PLAN_E_INVALID,			 /* a cell cannot be */
};

/*
 * Selects by globs (fnmatch(3)); a scenario named twice is run once. No pattern
 * selects all. The plan borrows what the wishes do. KT_PLAN_E_NO_MATCH with diag, which
 * suggests the nearest name; KT_PLAN_E_INVALID with diag.
 */
int kt_plan_select(struct kt_plan *ret_plan, const char *const *patterns, unsigned int count,
		   const struct kt_cell_wishes *wishes, struct kt_diag *diag) _kt_must_check_;
void kt_plan_deinit(struct kt_plan *plan);
