/* SPDX-License-Identifier: GPL-2.0-only */
/* What all users of libarchive share; private to kernel/. */
#pragma once

#include <archive.h>

static inline void kt_archive_freep(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

/*
 * Why the last call failed. Also "out of memory" is a word about the input: a stream may ask for
 * more than its decoder's bound.
 */
static inline const char *kt_archive_words(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text ? text : "damaged";
}
