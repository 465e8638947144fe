/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of one scenario, from the record in the table to the verdict: stage,
 * boot, drive, collect, check, conclude. Nothing is printed here.
 */
#pragma once

#include "base/error.h"
#include "judge/result.h"
#include "runner/request.h"
#include "scenario/cell.h"

/*
 * Begins with the machine of a cell before the rest of the request is known. NULL where nothing
 * is gained by it. It is the caller's to give to kt_run(), or to kt_session_free().
 */
struct kt_session *kt_run_begin(const struct kt_cell *cell);

/*
 * Runs it. Every way a run can end is a result; negative only when not even a
 * result could be made (out of memory).
 */
int kt_run(struct kt_run_result *ret_result, const struct kt_run_request *request) _kt_must_check_;
