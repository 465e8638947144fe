/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads staged kernel modules. */
#pragma once

#include "base/diag.h"
#include "base/error.h"

enum kt_modules_condition {
	/* a module is missing or does not load; see diag */
	KT_MODULES_E_FAILED = KT_CONDITION(MODULES),
};

/*
 * Loads the modules `names` (NULL-terminated; NULL: none) in order, up to the first failure.
 * Skips loaded modules. KT_MODULES_E_FAILED.
 */
int kt_modules_load(const char *const *names, struct kt_diag *diag) _kt_must_check_;

/* Loads the modules of KT_STAGING_MODULES_ORDER, before any job. KT_MODULES_E_FAILED. */
int kt_modules_load_ordered(struct kt_diag *diag) _kt_must_check_;
