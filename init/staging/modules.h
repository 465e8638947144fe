/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the kernel modules that a scenario asks for. */
#pragma once

#include "base/diag.h"
#include "base/error.h"

enum kt_modules_condition {
	/* one is not there or does not load; see diag */
	KT_MODULES_E_FAILED = KT_CONDITION(MODULES),
};

/*
 * Loads the staged modules of these names (NULL-terminated; NULL: none), in
 * order, up to the first that fails. One that is loaded already is left alone.
 */
int kt_modules_load(const char *const *names, struct kt_diag *diag) _kt_must_check_;

/* Loads the staged modules that are to be there before any job (proto/staging.h). */
int kt_modules_load_ordered(struct kt_diag *diag) _kt_must_check_;
