/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driving one machine through one job: boot it, hand it the job, take in what it
 * says, watch that it progresses, and end it. Fills in outcome, diag, record and
 * times of the result; judging is left to verdict.h.
 */
#pragma once

#include "base/error.h"
#include "runner/artifacts.h"
#include "runner/run.h"

/*
 * initrd_fd is borrowed. Every end of the machine is an outcome; negative only
 * on lack of memory.
 */
int kt_drive(struct kt_run_result *res, const struct kt_run_request *req, int initrd_fd,
	     struct kt_artifacts *artifacts) _kt_must_check_;
