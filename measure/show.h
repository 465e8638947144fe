/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports as text for people: a table per metric and surface, the level up to which the
 * metric scales, the cost of a clone, and bar plots. Percentiles that the number of samples
 * does not support are marked. Text is appended to a buffer, not printed.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "measure/measured.h"

#define KT_SHOW_COLUMNS_MIN 40u
#define KT_SHOW_COLUMNS_MAX 240u

struct kt_show_style {
	unsigned int columns; /* longest line of tables and plots; clamped to the bounds above */
	bool utf8;	      /* bars of block characters; false: of '#' */
	bool colour;
};

/* Appends the text. Negative errno only. */
int kt_show(struct kt_buf *out, const struct kt_measured *measured,
	    const struct kt_show_style *style) _kt_must_check_;

/* Appends the part of kt_show() about the gate's cycles. Negative errno only. */
int kt_show_gate(struct kt_buf *out, const struct kt_measured *measured) _kt_must_check_;

/* Formats a value in at most 9 characters: "1.23 ms", "45.6 MiB", "12". buf holds 24 bytes. */
char *kt_show_value(char *buf, enum kt_sample_kind kind, double value);
