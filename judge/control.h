/* SPDX-License-Identifier: GPL-2.0-only */
/* Compares the work of workers with their control run; see scenario/control.h. */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/*
 * The work rate of a group, pieces of work per second: the sum over its workers in list.
 * Negative: the group did not run, or not to its end. ret_pieces: pieces of work, or NULL.
 */
double kt_control_rate(const struct kt_worker_record *list, size_t count, const char *name,
		       uint64_t *ret_pieces);

/* Adds a finding to rec for each group that broke its limit `control`. Negative errno. */
int kt_control_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
