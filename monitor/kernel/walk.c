/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists and red-black trees; see walk.h. They follow only pointers to the next element, which
 * are right at any instant at which a vCPU may have been stopped; pointers back are not.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/kernel/walk-private.h"

static const char *const paths[KT_WALK_PLACES_] = {
	[KT_LIST_NEXT] = "list_head.next",
	[KT_RB_LEFT] = "rb_node.rb_left",
	[KT_RB_RIGHT] = "rb_node.rb_right",
	[KT_RHT_TBL] = "rhashtable.tbl",
	[KT_TABLE_SIZE] = "bucket_table.size",
	[KT_TABLE_NEST] = "bucket_table.nest",
	[KT_TABLE_FUTURE] = "bucket_table.future_tbl",
	[KT_TABLE_BUCKETS] = "bucket_table.buckets",
	[KT_RHASH_NEXT] = "rhash_head.next",
	[KT_XA_HEAD] = "xarray.xa_head",
	[KT_NODE_SHIFT] = "xa_node.shift",
	[KT_NODE_SLOTS] = "xa_node.slots",
	[KT_IDR_HEAD] = "idr.idr_rt.xa_head",
	[KT_IDR_BASE] = "idr.idr_base",
};

static const struct kt_group groups[KT_WALK_GROUPS_] = {
	[KT_WALK_LISTS] = { "lists", KT_LIST_NEXT, KT_RB_LEFT },
	[KT_WALK_TREES] = { "red-black trees", KT_RB_LEFT, KT_RHT_TBL },
	[KT_WALK_HASHES] = { "hash tables", KT_RHT_TBL, KT_XA_HEAD },
	[KT_WALK_ARRAYS] = { "arrays by index", KT_XA_HEAD, KT_WALK_PLACES_ },
};

void kt_walk_init(struct kt_walk *walk, struct kt_reader *reader)
{
	*walk = (struct kt_walk){ .reader = reader };
	kt_types_resolve(reader->types, paths, groups, KT_WALK_GROUPS_, walk->places, walk->lacks);
}

int kt_walk_fail(const struct kt_walk *walk, int r, const char *why, struct kt_diag *diag)
{
	const struct kt_trail *trail = &walk->reader->trail;

	return kt_fail(diag, r, "%s%s%s", trail->text, trail->len ? ": " : "", why);
}

int kt_walk_require(const struct kt_walk *walk, enum kt_walk_group group, struct kt_diag *diag)
{
	return walk->lacks[group][0] ? kt_fail(diag, KT_WALK_E_LACKS, "%s", walk->lacks[group]) : 0;
}

int kt_walk_member(const struct kt_walk *walk, enum kt_walk_place place, uint64_t at,
		   uint64_t *ret_value, struct kt_diag *diag)
{
	struct kt_place anonymous = walk->places[place];

	anonymous.path = NULL; /* the caller has named the container */
	return kt_forward(kt_read_number(walk->reader, at, &anonymous, ret_value, diag));
}

/* The mark moves on to the element at every power of two; a cycle comes back to it. */
bool kt_seen_again(struct kt_seen *seen, uint64_t at)
{
	if (seen->steps && at == seen->mark)
		return true;
	if (seen->steps++ == seen->power) {
		seen->mark = at;
		seen->power = 2 * seen->power + 1;
	}
	return false;
}

int kt_walk_count(const struct kt_walk *walk, size_t *count, size_t max, struct kt_diag *diag)
{
	char why[64];

	if ((*count)++ < max)
		return 0;
	snprintf(why, sizeof(why), "more than %zu elements", max);
	return kt_walk_fail(walk, KT_WALK_E_MANY, why, diag);
}

/* ---- lists ---- */

struct kt_list kt_list_begin(const struct kt_walk *walk, uint64_t head, size_t max)
{
	return (struct kt_list){ .walk = walk, .head = head, .at = head, .max = max };
}

int kt_list_next(struct kt_list *list, uint64_t *ret_node, struct kt_diag *diag)
{
	uint64_t next = 0;

	KT_TRY(kt_walk_require(list->walk, KT_WALK_LISTS, diag));
	KT_TRY(kt_walk_member(list->walk, KT_LIST_NEXT, list->at, &next, diag));
	if (next == list->head || (!next && list->at == list->head))
		return KT_WALK_E_END;
	if (kt_seen_again(&list->seen, next))
		return kt_walk_fail(list->walk, KT_WALK_E_CYCLE, "the list does not end", diag);
	KT_TRY(kt_walk_count(list->walk, &list->count, list->max, diag));
	list->at = next;
	*ret_node = next;
	return 0;
}

/* ---- red-black trees ---- */

int kt_tree_begin(struct kt_tree *ret_tree, const struct kt_walk *walk, uint64_t root, size_t max,
		  struct kt_diag *diag)
{
	*ret_tree = (struct kt_tree){ .walk = walk, .max = max };
	KT_TRY(kt_walk_require(walk, KT_WALK_TREES, diag));
	return kt_forward(kt_read_u64(walk->reader, root, &ret_tree->next, diag));
}

/* Goes down to the left. */
static int descend(struct kt_tree *tree, struct kt_diag *diag)
{
	while (tree->next) {
		if (tree->depth >= KT_TREE_DEPTH_MAX)
			return kt_walk_fail(tree->walk, KT_WALK_E_BROKEN,
					    "the tree is deeper than any", diag);
		KT_TRY(kt_walk_count(tree->walk, &tree->count, tree->max, diag));
		tree->path[tree->depth++] = tree->next;
		KT_TRY(kt_walk_member(tree->walk, KT_RB_LEFT, tree->next, &tree->next, diag));
	}
	return 0;
}

int kt_tree_next(struct kt_tree *tree, uint64_t *ret_node, struct kt_diag *diag)
{
	uint64_t node;

	KT_TRY(descend(tree, diag));
	if (!tree->depth)
		return KT_WALK_E_END;
	node = tree->path[--tree->depth];
	KT_TRY(kt_walk_member(tree->walk, KT_RB_RIGHT, node, &tree->next, diag));
	*ret_node = node;
	return 0;
}
