/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for people, carried across folder borders in a fixed-size record: what
 * was being done and to what, what went wrong, and what to do about it.
 * Library folders fill one in; only runner/ and cli/ print it. The first
 * setter wins: a diagnostic names the cause, and callers that only forward a
 * fault add nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kt_diag {
	char doing[192];  /* "read kernel /boot/vmlinux" */
	char cause[768];  /* "no .BTF section" */
	char remedy[384]; /* "build one with 'ktest kernel build'"; may be "" */
};

#define KT_DIAG_INIT ((struct kt_diag){ .doing = "" })

/* Size that kt_diag_format() never needs more than, terminating 0 included. */
#define KT_DIAG_TEXT_MAX (sizeof(struct kt_diag) + 16)

bool kt_diag_is_set(const struct kt_diag *diag);

/*
 * Each of the three fields is a printf format of its own, so that one call
 * states the whole message. diag may be NULL (nothing happens). A field that
 * is too long is cut and ends in "...". Returns r, for
 * `return kt_diag_doing(...)`-less call sites that set fields step by step.
 */
void kt_diag_doing(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_cause(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_remedy(struct kt_diag *diag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_diag_reset(struct kt_diag *diag);

/* "doing: cause; remedy", on one line. buf holds size bytes; returns buf. */
char *kt_diag_format(const struct kt_diag *diag, char *buf, size_t size);
