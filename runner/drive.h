/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driving one machine through one job: opens a session, sends the job, records the guest's
 * messages, and ends the machine. Fills in outcome, diag, record and times of the result;
 * judge/verdict.h decides the verdict.
 */
#pragma once

#include "base/error.h"
#include "judge/result.h"
#include "report/artifacts.h"
#include "runner/request.h"

/* The machine at the start; all pointers are borrowed unless noted. */
struct kt_drive_start {
	struct kt_vm_config config; /* initrd_fd: set unless the machine is a clone */
	struct kt_bake *bake;	    /* NULL: boot */
	struct kt_session *session; /* an open session, used and freed; NULL: open one */
	struct kt_session *blank;   /* blank for kt_session_open(); consumed; NULL: none */
	int staged_fd;		    /* archive for a clone; -1: none */
};

/* Returns 0 for every end of the machine, with an outcome in *res, or -ENOMEM. */
int kt_drive(struct kt_run_result *res, const struct kt_run_request *req,
	     const struct kt_drive_start *start, struct kt_artifacts *artifacts) _kt_must_check_;
