/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs here have in common: how they give up, and how they take times. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"

/* Ends the program with the diagnostic, which may be NULL, unless r is 0. */
static inline void check(int r, const struct kt_diag *diag)
{
	char text[KT_DIAG_TEXT_MAX];

	if (!r)
		return;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name,
		diag && kt_diag_is_set(diag) ? kt_diag_format(diag, text, sizeof(text)) :
					       strerror(abs(r)));
	exit(1);
}

static inline double microseconds_since(uint64_t start_ns)
{
	return (double)(kt_now_ns() - start_ns) / 1e3;
}
