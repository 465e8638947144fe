/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trail of a read: names of what is being read, from the outside in, for the text of an
 * error: "scx_root -> pcpu[2] -> event_stats". A function names what it reads for as long as
 * it reads there:
 *
 *	KT_TRAIL(trail, "cpu %u", cpu);
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

#define KT_TRAIL_MAX 320 /* bytes with 0; what does not fit is cut */

struct kt_trail {
	char text[KT_TRAIL_MAX];
	size_t len;
};

struct kt_trail_mark {
	struct kt_trail *trail;
	size_t len;
};

/* Adds a name; "" adds nothing. The mark, given to kt_trail_end(), takes it off again. */
struct kt_trail_mark kt_trail_begin(struct kt_trail *trail, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void kt_trail_end(struct kt_trail_mark *mark);

#define KT_TRAIL_NAME_(line) trail_mark_##line
#define KT_TRAIL_NAME(line)  KT_TRAIL_NAME_(line)
/* Names what is read up to the end of the block. */
#define KT_TRAIL(trail, ...)                                                                \
	_cleanup_(kt_trail_end) __attribute__((unused)) struct kt_trail_mark KT_TRAIL_NAME( \
		__LINE__) = kt_trail_begin((trail), __VA_ARGS__)
