/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges whether heavier workers got more CPU time than lighter workers. */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/*
 * Adds a finding to rec for the pair of workers whose shares of CPU time contradict their nice
 * values most. Negative errno.
 */
int kt_weights_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
