/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers in the guest: forks a group, starts its workers at the same moment, stops them and
 * reports each worker. Workers write their measurements into memory shared with init.
 */
#pragma once

#include "ops/guest/pid1.h"

#define KT_WORKERS_STOP_NS  (5 * UINT64_C(1000000000))	/* from the request to SIGKILL */
#define KT_WORKERS_KILL_NS  UINT64_C(1000000000)	/* from SIGKILL to the end */
#define KT_WORKERS_PAUSE_NS (10 * UINT64_C(1000000000)) /* from SIGSTOP until they are stopped */

/* Whether workers are reported as those of the control run; at the start they are not. */
void kt_workers_set_control(bool on);

/* Stops and reports all workers that still run. Negative errno. */
int kt_workers_stop_all(struct kt_pid1 *pid1) _kt_must_check_;
