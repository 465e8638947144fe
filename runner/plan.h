/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting the cells to run by patterns of the user. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "scenario/cell.h"

/* A selected scenario that cannot be run, whatever the user wishes. */
struct kt_plan_unfit {
	const char *name;	      /* static */
	char cause[KT_DIAG_TEXT_MAX]; /* with file and line */
};

struct kt_plan {
	struct kt_cell *cells; /* owned array, in the order of the table of scenarios */
	unsigned int count;
	struct kt_plan_unfit *unfit; /* owned array: broken files first, then invalid records */
	unsigned int unfit_count;
};

enum kt_plan_condition {
	KT_PLAN_E_NO_MATCH = KT_CONDITION(PLAN), /* a pattern matches no scenario */
	KT_PLAN_E_INVALID,			 /* a cell is invalid */
};

/*
 * Selects scenarios by globs (fnmatch(3)), each scenario once; without patterns all. The plan
 * borrows the pointers in wishes. Returns 0, a kt_plan_condition or a negative errno, the
 * conditions with diag; the remedy of KT_PLAN_E_NO_MATCH is the most similar name.
 */
int kt_plan_select(struct kt_plan *ret_plan, const char *const *patterns, unsigned int count,
		   const struct kt_cell_wishes *wishes, struct kt_diag *diag) _kt_must_check_;
void kt_plan_deinit(struct kt_plan *plan);
