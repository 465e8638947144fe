/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What any job needs and no job changes, done before the host is told that init
 * is ready: a machine that is saved then has it done for all of its clones.
 * Nothing here may be different in each clone: no random numbers, no boot id.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"

struct kt_exec;

enum kt_warm_up_condition {
	KT_WARM_UP_E_FAILED = KT_CONDITION(WARM_UP), /* see diag */
};

/* 0, or KT_WARM_UP_E_FAILED. */
int kt_warm_up(struct kt_exec *exec, struct kt_diag *diag) _kt_must_check_;
