/* SPDX-License-Identifier: GPL-2.0-only */
/* Arbitrary bytes as a JSON string. */
#pragma once

#include <stddef.h>

#include <jansson.h>

/*
 * New reference to a string with len bytes. Invalid UTF-8, and control characters except
 * tab and newline, become '?'. NULL without memory.
 */
json_t *kt_json_text(const char *bytes, size_t len);
