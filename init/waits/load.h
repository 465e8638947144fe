/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the programs that record waits. */
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "init/waits/layout.h"

enum kt_waits_condition {
	KT_WAITS_E_REFUSED = KT_CONDITION(WAITS), /* see text */
};

/*
 * Loads and attaches the programs and maps their memory, for the life of the guest.
 * KT_WAITS_E_REFUSED: the kernel refused something.
 */
int kt_waits_load(const struct kt_waits_cell **ret_cells, struct kt_waits **ret_waits,
		  char text[KT_TEXT_MAX]) _kt_must_check_;
