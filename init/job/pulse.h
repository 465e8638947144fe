/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pulse: one ordinary task that wakes every KT_PULSE_PERIOD_NS. A guest that
 * only holds a state is idle otherwise, and a scheduler with nothing to schedule
 * cannot be told from one that does not schedule. It runs in scenarios that
 * declare a scheduler, from staging to teardown.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#define KT_PULSE_PERIOD_NS (20 * KT_NSEC_PER_MSEC)

struct kt_exec;

int kt_pulse_start(struct kt_exec *exec) _kt_must_check_;
void kt_pulse_stop(struct kt_exec *exec);
