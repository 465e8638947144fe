/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preparations that every job needs and no job changes: cgroups, topology, BTF, modules, slots.
 * They come before HELLO, so that a bake has them for all of its clones. Nothing here may
 * differ between clones: no random numbers, no boot id.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"

struct kt_pid1;

enum kt_warm_up_condition {
	KT_WARM_UP_E_FAILED = KT_CONDITION(WARM_UP), /* see diag */
};

/* 0, or KT_WARM_UP_E_FAILED. */
int kt_warm_up(struct kt_pid1 *pid1, struct kt_diag *diag) _kt_must_check_;
