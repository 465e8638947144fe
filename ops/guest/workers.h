/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers in the guest: started behind a barrier, so that all are let go at once;
 * watched by what they write into memory that they share with init; stopped, and
 * reported one by one.
 */
#pragma once

#include "ops/exec.h"

#define KT_WORKERS_STOP_NS (5 * UINT64_C(1000000000)) /* then they are killed */
#define KT_WORKERS_KILL_NS UINT64_C(1000000000)	      /* for them to be gone then */

/* Stops and reports all that still run. Negative errno. */
int kt_workers_stop_all(struct kt_exec *exec) _kt_must_check_;
