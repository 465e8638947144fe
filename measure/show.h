/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports as text for people: a table for each metric and surface, up to where it
 * scales, what a clone costs, and bars. What a number of samples is not good for
 * is marked. Nothing is printed here.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "measure/measured.h"

#define KT_SHOW_COLUMNS_MIN 40u
#define KT_SHOW_COLUMNS_MAX 240u

struct kt_show_style {
	unsigned int columns; /* no line of the tables and plots is longer; taken into bounds */
	bool utf8;	      /* bars of block characters, else of '#' */
	bool colour;
};

/* Appends the text. */
int kt_show(struct kt_buf *out, const struct kt_measured *measured,
	    const struct kt_show_style *style) _kt_must_check_;

/* What kt_show() appends of the gate's cycles, behind what they were run on. */
int kt_show_gate(struct kt_buf *out, const struct kt_measured *measured) _kt_must_check_;

/* "1.23 ms", "45.6 MiB", "12": a value in at most 9 characters. buf holds 24 bytes. */
char *kt_show_value(char *buf, enum kt_sample_kind kind, double value);
