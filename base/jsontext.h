/* SPDX-License-Identifier: GPL-2.0-only */
/* Text that may be anything as a JSON string. */
#pragma once

#include <stddef.h>

#include <jansson.h>

/*
 * New reference to a string of the bytes: what is not valid UTF-8, and control
 * characters other than tab and newline, become '?'. NULL without memory.
 */
json_t *kt_json_text(const char *bytes, size_t len);
