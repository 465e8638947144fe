/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks over a kernel's containers: lists, red-black trees, hash tables, arrays by index. A walk
 * stands at one element; next moves it on:
 *
 *	struct kt_list list = kt_list_begin(&walk, head, max);
 *
 *	while (!(r = kt_list_next(&list, &node, diag)))
 *		...
 *	if (r != KT_WALK_E_END)
 *		...
 *
 * A hostile guest can link its containers in any way. Every walk ends: after `max` elements, at
 * a cycle, or where a pointer leads to no memory; it costs a number of reads in proportion to max.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "monitor/kernel/reader.h"

/* Besides the conditions of enum kt_reader_condition. With diag, but for END. */
enum kt_walk_condition {
	KT_WALK_E_END = KT_CONDITION(WALK), /* no more elements */
	KT_WALK_E_CYCLE,		    /* the elements lead back to an earlier one */
	KT_WALK_E_MANY,			    /* more than max */
	KT_WALK_E_BROKEN,		    /* what the elements say of themselves cannot be */
	KT_WALK_E_LACKS,		    /* the kernel's BTF lacks the container */
};

enum kt_walk_group {
	KT_WALK_LISTS,
	KT_WALK_TREES,
	KT_WALK_HASHES,
	KT_WALK_ARRAYS,
	KT_WALK_GROUPS_,
};

/* Places of the containers' members; the names are those of the kernel. */
enum kt_walk_place {
	KT_LIST_NEXT,
	KT_RB_LEFT,
	KT_RB_RIGHT,
	KT_RHT_TBL,
	KT_TABLE_SIZE,
	KT_TABLE_NEST,
	KT_TABLE_FUTURE,
	KT_TABLE_BUCKETS,
	KT_RHASH_NEXT,
	KT_XA_HEAD,
	KT_NODE_SHIFT,
	KT_NODE_SLOTS,
	KT_IDR_HEAD,
	KT_IDR_BASE,
	KT_WALK_PLACES_,
};

struct kt_walk {
	struct kt_reader *reader; /* borrowed */
	struct kt_place places[KT_WALK_PLACES_];
	char lacks[KT_WALK_GROUPS_][KT_LACKS_MAX]; /* "": the kernel has the group */
};

/* Resolves the places. A group that the kernel lacks makes its walks KT_WALK_E_LACKS. */
void kt_walk_init(struct kt_walk *walk, struct kt_reader *reader);

/* Elements that were seen, for a cycle: Brent, "An improved Monte Carlo factorization algorithm". */
struct kt_seen {
	uint64_t mark;
	size_t steps, power;
};

/* ---- struct list_head ---- */

struct kt_list {
	const struct kt_walk *walk;
	uint64_t head, at;
	struct kt_seen seen;
	size_t count, max;
};

/* head: address of the list's head. */
struct kt_list kt_list_begin(const struct kt_walk *walk, uint64_t head, size_t max);
/* The next element's list_head. A list that was never initialised (next NULL) is empty. */
int kt_list_next(struct kt_list *list, uint64_t *ret_node, struct kt_diag *diag) _kt_must_check_;

/* ---- struct rb_root ---- */

#define KT_TREE_DEPTH_MAX 64 /* a red-black tree of this depth has 2^32 nodes */

struct kt_tree {
	const struct kt_walk *walk;
	uint64_t next;			  /* to be descended from; 0: none */
	uint64_t path[KT_TREE_DEPTH_MAX]; /* nodes whose left side has been seen */
	unsigned int depth;
	size_t count, max;
};

/* root: address of the rb_root, whose one member is the pointer to the node. KT_WALK_E_LACKS. */
int kt_tree_begin(struct kt_tree *ret_tree, const struct kt_walk *walk, uint64_t root, size_t max,
		  struct kt_diag *diag) _kt_must_check_;
/* The next rb_node in order. */
int kt_tree_next(struct kt_tree *tree, uint64_t *ret_node, struct kt_diag *diag) _kt_must_check_;

/* ---- struct rhashtable ---- */

#define KT_HASH_BUCKETS_MAX (1u << 20) /* of one table */
#define KT_HASH_TABLES_MAX  4	       /* tables of which each replaces the one before */

struct kt_hash {
	const struct kt_walk *walk;
	uint64_t table; /* struct bucket_table */
	uint64_t size, nest, bucket;
	unsigned int tables;
	uint64_t at; /* element; odd or 0: the chain has ended */
	struct kt_seen seen;
	size_t count, max;
};

/* at: address of the rhashtable. A table that was never initialised is empty. */
int kt_hash_begin(struct kt_hash *ret_hash, const struct kt_walk *walk, uint64_t at, size_t max,
		  struct kt_diag *diag) _kt_must_check_;
/* The next element's rhash_head, in no order. */
int kt_hash_next(struct kt_hash *hash, uint64_t *ret_node, struct kt_diag *diag) _kt_must_check_;

/* ---- struct xarray, struct idr ---- */

#define KT_ARRAY_DEPTH_MAX 16 /* nodes on one way: 64 bits of index, 4 or 6 per node */
#define KT_ARRAY_SLOTS_MAX 64 /* of a node */

struct kt_array_node {
	uint64_t index; /* of its first slot */
	unsigned int shift, next;
	uint64_t slots[KT_ARRAY_SLOTS_MAX];
};

struct kt_array {
	const struct kt_walk *walk;
	uint64_t base, only; /* the only entry, if there is no node */
	unsigned int chunk_shift, depth;
	size_t count, nodes, max;
	struct kt_array_node path[KT_ARRAY_DEPTH_MAX];
};

/* at: address of the xarray or idr. */
int kt_array_begin_xarray(struct kt_array *ret_array, const struct kt_walk *walk, uint64_t at,
			  size_t max, struct kt_diag *diag) _kt_must_check_;
int kt_array_begin_idr(struct kt_array *ret_array, const struct kt_walk *walk, uint64_t at,
		       size_t max, struct kt_diag *diag) _kt_must_check_;
/* The next index with its entry, in order; entries of the array's own are left out. */
int kt_array_next(struct kt_array *array, uint64_t *ret_index, uint64_t *ret_entry,
		  struct kt_diag *diag) _kt_must_check_;
