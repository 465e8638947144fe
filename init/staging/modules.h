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
 * Loads the modules of a list of proto/staging.h, in order, up to the first failure. Skips loaded
 * modules. No file: none. KT_MODULES_E_FAILED.
 */
int kt_modules_load(const char *list, struct kt_diag *diag) _kt_must_check_;
