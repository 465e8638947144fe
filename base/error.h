/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The error contract of every function in ktest that returns int:
 *
 *    0    success
 *   < 0   negative errno: a fault of ktest or its host. The caller forwards the fault and
 *         does not tell one errno from another; scripts/check-tree refuses matches. A
 *         fault never counts against a scheduler.
 *   > 0   a condition that the function documents (KT_<OBJECT>_E_<X>, numbered by
 *         condition.h). The caller handles or translates the condition.
 *
 * Three helpers: raise a new fault, forward a result, fold an impossible condition into a
 * fault. With KTEST_TRACE=1 each prints its place in the source, so that the trace leads
 * from the origin of a fault to its report.
 */
#pragma once

#include <errno.h>

#include "base/condition.h"

/* The compiler refuses callers that ignore the result. */
#define _kt_must_check_ __attribute__((warn_unused_result))

int kt_error_note(const char *verb, int r, const char *file, int line, const char *func);

/* A new fault: return kt_raise(-ENOMEM). A positive errno is negated. */
#define kt_raise(r)                                                                      \
	({                                                                               \
		int r_ = (r);                                                            \
		kt_error_note("raise", r_ > 0 ? -r_ : r_, __FILE__, __LINE__, __func__); \
	})

/* A result that the function passes on unchanged. */
#define kt_forward(r) kt_error_note("forward", (r), __FILE__, __LINE__, __func__)

/*
 * Evaluates expr and returns its result from the enclosing function, unless the result is
 * 0. The trace names the line of KT_TRY. _cleanup_() undoes earlier steps.
 */
#define KT_TRY(expr)                             \
	do {                                     \
		int try_ = (expr);               \
		if (try_)                        \
			return kt_forward(try_); \
	} while (0)

/* A condition that cannot occur at this call becomes the fault -ENOTRECOVERABLE. */
#define kt_fold(r)                                                                        \
	({                                                                                \
		int r_ = (r);                                                             \
		kt_error_note("fold", r_ > 0 ? -ENOTRECOVERABLE : r_, __FILE__, __LINE__, \
			      __func__);                                                  \
	})
