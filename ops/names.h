/* SPDX-License-Identifier: GPL-2.0-only */
/* A list of names for people, "a, b, c". */
#pragma once

#include <stdio.h>
#include <string.h>

#define KT_NAMES_TEXT_MAX 384 /* bytes with 0; as much as a remedy holds */

/* Adds a name to the list in buf, which begins as "". What does not fit is cut. */
static inline void kt_names_add(char buf[KT_NAMES_TEXT_MAX], const char *name)
{
	size_t len = strlen(buf);

	snprintf(buf + len, KT_NAMES_TEXT_MAX - len, "%s%s", len ? ", " : "", name);
}
