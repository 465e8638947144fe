/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges what was seen of the workers by the limits that hold for them: see
 * scenario/limit.h for what they are and where they come from.
 */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/* Adds a finding to the record for each limit that was not kept, or cannot be told of. */
int kt_limits_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
