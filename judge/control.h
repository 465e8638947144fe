/* SPDX-License-Identifier: GPL-2.0-only */
/* Compares the work of workers with their control run; see scenario/control.h. */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/* Adds a finding to rec for each group that broke its limit `control`. Negative errno. */
int kt_control_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
