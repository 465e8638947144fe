/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers, durations and sizes as users write them. A number is decimal digits only: no
 * sign, no blank, no leading zero (which might mean octal), no trailing text. A value
 * beyond the range of its type is refused, never wrapped. Every function returns false
 * for a refused text and leaves its outputs unchanged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Reads the digits at *p and moves *p behind the last digit. */
bool kt_take_number(const char **p, uint64_t *ret) _kt_must_check_;

/* Accepts min to max. */
bool kt_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret) _kt_must_check_;

/*
 * A number with "ns", "us", "ms", "s", "m" or "h"; up to INT64_MAX ns. A number without a
 * unit counts units of bare_ns; bare_ns 0: it is refused.
 */
bool kt_parse_duration(const char *text, uint64_t bare_ns, uint64_t *ret_ns) _kt_must_check_;

/* A number with "K", "M", "G", "T", "KiB" to "TiB": powers of 1024; up to INT64_MAX bytes. */
bool kt_parse_size(const char *text, uint64_t *ret_bytes) _kt_must_check_;

#define KT_PARSE_TEXT_MAX 24 /* bytes */

/* Write a value with the largest unit that divides it. bytes: a multiple of 1024. Return buf. */
const char *kt_duration_format(uint64_t ns, char buf[KT_PARSE_TEXT_MAX]);
const char *kt_size_format(uint64_t bytes, char buf[KT_PARSE_TEXT_MAX]);
