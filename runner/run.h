/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of one cell, from staging to the verdict: stage, boot or restore, drive, collect,
 * check, conclude. Nothing is printed.
 */
#pragma once

#include "base/error.h"
#include "judge/result.h"
#include "runner/request.h"
#include "scenario/cell.h"

/*
 * Makes a blank for the machine of a cell before the rest of the request is known. The caller
 * passes the blank to kt_run() or to kt_session_free(). NULL: a blank would save no time.
 */
struct kt_session *kt_run_begin(const struct kt_cell *cell);

/* Runs the cell. Returns 0 for every end of the run, or a negative errno: there is no result. */
int kt_run(struct kt_run_result *ret_result, const struct kt_run_request *request) _kt_must_check_;
