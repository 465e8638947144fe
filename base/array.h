/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists that grow by an element at a time, and need no more than their count for it. */
#pragma once

#include <stdlib.h>

/*
 * Room for one more element of `size` bytes behind `count` of them. A list that began
 * empty is full at each power of two, and is doubled then. The list, which may have moved;
 * or NULL without memory, and it is as it was.
 */
static inline void *kt_array_room(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return reallocarray(list, count ? 2 * count : 1, size);
}
