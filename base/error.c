/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracing of faults; see error.h for the contract. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int kt_error_note(const char *verb, int r, const char *file, int line, const char *func)
{
	static _Atomic int tracing = -1; /* vCPU threads raise faults, too */

	if (tracing < 0)
		tracing = getenv("KTEST_TRACE") != NULL;
	if (!tracing || !r)
		return r;
	if (r < 0)
		fprintf(stderr, "ktest-trace: %s %s", verb, strerror(-r));
	else
		fprintf(stderr, "ktest-trace: %s condition %d of range %d", verb,
			KT_CONDITION_NUMBER(r), r >> 8);
	fprintf(stderr, " at %s:%d (%s)\n", file, line, func);
	return r;
}
