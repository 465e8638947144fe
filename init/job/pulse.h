/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pulse: one task of the normal class that wakes every KT_PULSE_PERIOD_NS. In a guest
 * without load, a scheduler that works and a scheduler that never dispatches look alike. The
 * pulse runs from staging to teardown in scenarios that declare a scheduler.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#define KT_PULSE_PERIOD_NS (20 * KT_NSEC_PER_MSEC)

struct kt_pid1;

int kt_pulse_start(struct kt_pid1 *pid1) _kt_must_check_;
void kt_pulse_stop(struct kt_pid1 *pid1);
