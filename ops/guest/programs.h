/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs in the guest: starts each in a box of its own (box.h), sends its output to the host
 * as it is written, waits for its end, kills its processes.
 */
#pragma once

#include "ops/guest/pid1.h"

#define KT_PROGRAM_KILLED_NS (10 * UINT64_C(1000000000)) /* from SIGKILL to the end */

/* Kills and reports all programs that still run. Negative errno. */
int kt_programs_end_all(struct kt_pid1 *pid1) _kt_must_check_;
