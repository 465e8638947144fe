/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays by index; see walk.h. Source: include/linux/xarray.h. An entry whose two lowest bits are
 * 10 is the array's own: a node if it is above 4096, else a mark of some kind. A node's shift is
 * smaller than that of the node above by the bits of one node's index, so a way down ends.
 */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/kernel/walk-private.h"

#define INTERNAL_MASK 3u
#define INTERNAL      2u
#define MARKS_MAX     4096u /* xa_is_node() */
#define SHIFT_MAX     60u

static int broken(const struct kt_array *array, const char *why, struct kt_diag *diag)
{
	return kt_walk_fail(array->walk, KT_WALK_E_BROKEN, why, diag);
}

static bool is_internal(uint64_t entry)
{
	return (entry & INTERNAL_MASK) == INTERNAL;
}

/* Steps into a node, the root or one below the last. */
static int enter(struct kt_array *array, uint64_t entry, uint64_t index, struct kt_diag *diag)
{
	const struct kt_array_node *above = array->depth ? &array->path[array->depth - 1] : NULL;
	const struct kt_place *slots = &array->walk->places[KT_NODE_SLOTS];
	struct kt_array_node *node = &array->path[array->depth];
	uint64_t at = entry & ~(uint64_t)INTERNAL_MASK, shift = 0;

	if (array->depth >= KT_ARRAY_DEPTH_MAX)
		return broken(array, "the array is deeper than any", diag);
	if (array->nodes++ > array->max)
		return kt_walk_fail(array->walk, KT_WALK_E_MANY, "more nodes than entries", diag);
	KT_TRY(kt_walk_member(array->walk, KT_NODE_SHIFT, at, &shift, diag));
	if (shift > SHIFT_MAX || shift % array->chunk_shift ||
	    (above && shift + array->chunk_shift != above->shift))
		return broken(array, "a node is of another level than its place", diag);
	KT_TRY(kt_read_bytes(array->walk->reader, at + slots->offset, node->slots, slots->size,
			     diag));
	node->index = index;
	node->shift = (unsigned int)shift;
	node->next = 0;
	array->depth++;
	return 0;
}

static int begin(struct kt_array *array, const struct kt_walk *walk, enum kt_walk_place head,
		 uint64_t at, size_t max, struct kt_diag *diag)
{
	uint64_t entry = 0, slots;

	memset(array, 0, offsetof(struct kt_array, path));
	array->walk = walk;
	array->max = max;
	KT_TRY(kt_walk_require(walk, KT_WALK_ARRAYS, diag));
	slots = walk->places[KT_NODE_SLOTS].size / sizeof(uint64_t);
	if (slots != 16 && slots != KT_ARRAY_SLOTS_MAX)
		return broken(array, "nodes of another size than any", diag);
	array->chunk_shift = slots == 16 ? 4 : 6;
	KT_TRY(kt_walk_member(walk, head, at, &entry, diag));
	if (is_internal(entry) && entry > MARKS_MAX)
		return kt_forward(enter(array, entry, 0, diag));
	array->only = is_internal(entry) ? 0 : entry;
	return 0;
}

int kt_array_begin_xarray(struct kt_array *ret_array, const struct kt_walk *walk, uint64_t at,
			  size_t max, struct kt_diag *diag)
{
	return kt_forward(begin(ret_array, walk, KT_XA_HEAD, at, max, diag));
}

int kt_array_begin_idr(struct kt_array *ret_array, const struct kt_walk *walk, uint64_t at,
		       size_t max, struct kt_diag *diag)
{
	KT_TRY(begin(ret_array, walk, KT_IDR_HEAD, at, max, diag));
	return kt_forward(kt_walk_member(walk, KT_IDR_BASE, at, &ret_array->base, diag));
}

/* Takes the next slot of the innermost node: an entry, or a node to step into. */
static int take_slot(struct kt_array *array, uint64_t *ret_index, uint64_t *ret_entry,
		     struct kt_diag *diag)
{
	struct kt_array_node *node = &array->path[array->depth - 1];
	uint64_t index = node->index + ((uint64_t)node->next << node->shift);
	uint64_t entry = node->slots[node->next++];

	*ret_entry = 0;
	if (is_internal(entry) && entry > MARKS_MAX) {
		if (!node->shift)
			return broken(array, "a node below the lowest", diag);
		return kt_forward(enter(array, entry, index, diag));
	}
	if (!is_internal(entry))
		*ret_entry = entry;
	*ret_index = index;
	return 0;
}

int kt_array_next(struct kt_array *array, uint64_t *ret_index, uint64_t *ret_entry,
		  struct kt_diag *diag)
{
	uint64_t entry = array->only, index = 0;

	array->only = 0;
	while (!entry) {
		while (array->depth &&
		       array->path[array->depth - 1].next >= 1u << array->chunk_shift)
			array->depth--;
		if (!array->depth)
			return KT_WALK_E_END;
		KT_TRY(take_slot(array, &index, &entry, diag));
	}
	KT_TRY(kt_walk_count(array->walk, &array->count, array->max, diag));
	*ret_index = array->base + index;
	*ret_entry = entry;
	return 0;
}
