/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges the measurements of workers by their limits. scenario/limit.h defines the limits
 * and their precedence.
 */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/*
 * Adds a finding to rec for each limit of cell that workers exceeded or that lacks data to
 * judge by. Negative errno.
 */
int kt_limits_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
