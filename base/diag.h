/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A diagnostic: text for people in a fixed-size record, which crosses folder borders.
 * Library folders fill it in; cli/ alone prints it. The first setter of a field wins,
 * because the code that knows the cause runs first; a caller that only forwards a fault
 * adds nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"

struct kt_diag {
	char doing[192];  /* what was being done: "read kernel /boot/vmlinux" */
	char cause[768];  /* what went wrong: "no .BTF section" */
	char remedy[384]; /* what to do: "build one with 'ktest kernel build'"; may be "" */
};

#define KT_DIAG_INIT ((struct kt_diag){ .doing = "" })

/* Upper bound on the size of the text from kt_diag_format(), bytes with 0. */
#define KT_DIAG_TEXT_MAX (sizeof(struct kt_diag) + 16)

bool kt_diag_is_set(const struct kt_diag *diag);

/*
 * Each sets one field, unless the field is set already. A text longer than its field is
 * cut and ends in "...". diag NULL: no effect.
 */
void kt_diag_doing(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_cause(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_remedy(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_reset(struct kt_diag *diag);

/* Sets the cause; the value is r: return kt_fail(diag, KT_VM_E_SPEC, "no vCPU"); */
#define kt_fail(diag, r, ...)                       \
	({                                          \
		int fail_ = (r);                    \
		kt_diag_cause((diag), __VA_ARGS__); \
		fail_;                              \
	})
/* Forwards r; unless r is 0, sets what was being done. */
#define kt_doing(diag, r, ...)                              \
	({                                                  \
		int doing_ = kt_forward(r);                 \
		if (doing_)                                 \
			kt_diag_doing((diag), __VA_ARGS__); \
		doing_;                                     \
	})
/* As kt_doing(); the text of a negative errno becomes the cause. */
#define kt_fault(diag, r, ...)                                          \
	({                                                              \
		int fault_ = kt_doing((diag), (r), __VA_ARGS__);        \
		if (fault_ < 0)                                         \
			kt_diag_cause((diag), "%s", strerror(-fault_)); \
		fault_;                                                 \
	})

/* Writes "doing: cause; remedy" as one line to buf of size bytes; returns buf. */
char *kt_diag_format(const struct kt_diag *diag, char *buf, size_t size);
