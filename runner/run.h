/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of one scenario, from the record in the table to the verdict: stage,
 * boot, drive, collect, check, conclude. Nothing is printed here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "kernel/kernel.h"
#include "proto/result.h"
#include "machine/fleet.h"
#include "judge/result.h"
#include "machine/stage/stage.h"
#include "scenario/cell.h"
#include "vmm/vm.h"

struct kt_run_request {
	const struct kt_cell *cell;
	const struct kt_kernel *kernel; /* the cell's */
	const char *artifacts;		/* folder to create the run's folder in; NULL: default */
	const struct kt_stage_files *files; /* further files for the guest; NULL: none */
	struct kt_fleet *fleet;		    /* takes clones from there; borrowed; NULL: make one */
	struct kt_session *begun;	    /* of kt_run_begin(); used or freed by kt_run() */
	bool keep_identity;		    /* a clone is called what its bake is called */
	bool keep;			    /* keep what the machine was booted from, too */
	int cancel_fd;			    /* becomes readable to cancel; -1: never */
	/* Borrowed hooks, each may be NULL. */
	/* What the guest's console and the scenario's body say, as it comes. */
	void (*on_console)(void *arg, const void *data, size_t len);
	void (*on_progress)(void *arg, const char *text);
	void *arg;
};

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
