/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists that grow one element at a time; the capacity follows from the count. */
#pragma once

#include <stdlib.h>

#include "base/error.h"

/*
 * Makes room for element number `count` of a list whose elements have `size` bytes. The
 * capacity doubles whenever `count` is a power of two, so a list must begin empty and
 * grow only here. Returns the list, which may have moved; NULL without memory, which
 * leaves the list unchanged.
 */
static inline void *kt_array_room(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return reallocarray(list, count ? 2 * count : 1, size);
}

/* Appends an element to the list, and counts it. 0; -ENOMEM leaves list and count unchanged. */
#define kt_array_append(list, count, ...)                                             \
	({                                                                            \
		__typeof__(list) room_ = kt_array_room(list, count, sizeof(*(list))); \
		if (room_) {                                                          \
			(list) = room_;                                               \
			(list)[(count)++] = (__VA_ARGS__);                            \
		}                                                                     \
		room_ ? 0 : kt_raise(-ENOMEM);                                        \
	})
