/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The error contract of every function in ktest that returns int:
 *
 *    0    success
 *   < 0   negative errno: a fault of ktest, its host or its environment. The
 *         caller forwards it; it is never counted against a scheduler.
 *   > 0   a condition the function documents (KT_<OBJECT>_E_<X>, numbered by
 *         condition.h); the caller must handle it.
 *
 * Three helpers, one for each thing that can be done with a result: raise a new
 * fault, forward one, fold a condition the caller knows to be impossible into a
 * fault. Each records where it happened when tracing is on (KTEST_TRACE=1), so
 * that a fault can be followed from its origin to the place that reported it.
 */
#pragma once

#include <errno.h>

#include "base/condition.h"

/* Result of a function whose value must be looked at. */
#define _kt_must_check_ __attribute__((warn_unused_result))

int kt_error_note(const char *verb, int r, const char *file, int line, const char *func);

/* A new fault starts here: return kt_raise(-ENOMEM). Positive errno is negated. */
#define kt_raise(r)                                                                      \
	({                                                                               \
		int r_ = (r);                                                            \
		kt_error_note("raise", r_ > 0 ? -r_ : r_, __FILE__, __LINE__, __func__); \
	})

/* A fault or condition passes through here unchanged. */
#define kt_forward(r) kt_error_note("forward", (r), __FILE__, __LINE__, __func__)

/*
 * One step of several: returns from the enclosing function with the result of expr, unless
 * that is 0. The trace names this line. What has to be undone is undone by _cleanup_().
 */
#define KT_TRY(expr)                             \
	do {                                     \
		int try_ = (expr);               \
		if (try_)                        \
			return kt_forward(try_); \
	} while (0)

/* A condition that cannot occur at this call becomes -ENOTRECOVERABLE. */
#define kt_fold(r)                                                                        \
	({                                                                                \
		int r_ = (r);                                                             \
		kt_error_note("fold", r_ > 0 ? -ENOTRECOVERABLE : r_, __FILE__, __LINE__, \
			      __func__);                                                  \
	})
