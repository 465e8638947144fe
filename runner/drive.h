/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driving one machine through one job: boot it, hand it the job, take in what it
 * says, watch that it progresses, and end it. Fills in outcome, diag, record and
 * times of the result; judging is left to verdict.h.
 */
#pragma once

#include "base/error.h"
#include "judge/result.h"
#include "report/artifacts.h"
#include "runner/request.h"

/* What the machine begins as; all borrowed. */
struct kt_drive_start {
	struct kt_vm_config config; /* with its initramfs, unless it is a clone */
	struct kt_bake *bake;	    /* NULL: boot */
	struct kt_session *session; /* one that is open already; NULL: open one */
	struct kt_session *blank;   /* for the one to be opened; freed or used; NULL: none */
	int staged_fd;		    /* archive for a clone; -1: nothing to stage */
};

/* Every end of the machine is an outcome; negative only on lack of memory. */
int kt_drive(struct kt_run_result *res, const struct kt_run_request *req,
	     const struct kt_drive_start *start, struct kt_artifacts *artifacts) _kt_must_check_;
