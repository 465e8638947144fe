/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running numbered jobs on several threads and reporting their ends in the order of their
 * numbers. Each thread runs whole jobs, one after another, and ends when no job is left to
 * begin: child processes of a job die with the thread that forked them (base/process.h), so
 * that none outlives the thread of its job, and none dies during the job.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define KT_JOBS_MAX 256 /* at the same time */

struct kt_jobs {
	unsigned int count;
	unsigned int parallel; /* threads; 1 to KT_JOBS_MAX */
	/* Does a job, on one of the threads. Returns false to begin no further jobs. */
	bool (*work)(void *arg, unsigned int job);
	/* On the caller's thread: the job and all jobs with smaller numbers are done. */
	void (*done)(void *arg, unsigned int job);
	void *arg;
};

/*
 * Begins jobs in the order of their numbers and waits for their ends. *ret_begun: number of jobs
 * begun, all of which are done. Negative errno: no thread could be started, no job was begun.
 */
int kt_jobs_run(const struct kt_jobs *jobs, unsigned int *ret_begun) _kt_must_check_;
