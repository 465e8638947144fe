/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs in the guest: started in a box each (box.h), their output sent to the
 * host as it comes, their end waited for, their processes killed.
 */
#pragma once

#include "ops/exec.h"

#define KT_PROGRAM_KILLED_NS (10 * UINT64_C(1000000000)) /* for the end of what was killed */

/* Kills all that still run, and reports them. Negative errno. */
int kt_programs_end_all(struct kt_exec *exec) _kt_must_check_;
