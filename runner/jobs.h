/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jobs on threads: some at a time, their ends told in the order of the jobs. A thread
 * does whole jobs, one after the other, and lives until all are done: what a job
 * starts dies at the latest with its thread (see base/process.h), never before.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define KT_JOBS_MAX 256 /* at a time */

struct kt_jobs {
	unsigned int count;
	unsigned int parallel; /* at a time; 1 to KT_JOBS_MAX */
	/* Does the job, on a thread of its own. false: no further ones are to be begun. */
	bool (*work)(void *arg, unsigned int job);
	/* On the caller's thread: this job and all before it are done. */
	void (*done)(void *arg, unsigned int job);
	void *arg;
};

/*
 * Does them, begun in their order. *ret_begun of them were begun, the first ones; all
 * of these are done. Negative: no thread could be started, nothing was done.
 */
int kt_jobs_run(const struct kt_jobs *jobs, unsigned int *ret_begun) _kt_must_check_;
