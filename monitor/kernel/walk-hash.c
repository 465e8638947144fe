/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resizable hash tables; see walk.h. Source: include/linux/rhashtable.h and lib/rhashtable.c. Bit 0
 * of a bucket is its lock; a chain ends at an odd pointer, the "nulls" marker. A table that is
 * being replaced names the new one, and an element is in one of the two.
 */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/kernel/walk-private.h"

#define POINTER	    8u
#define NESTED_BITS 9u /* of the index in a page of pointers */

static int broken(const struct kt_hash *hash, const char *why, struct kt_diag *diag)
{
	return kt_walk_fail(hash->walk, KT_WALK_E_BROKEN, why, diag);
}

/* Reads the pages that the buckets are in at once. */
static int read_ahead(const struct kt_hash *hash)
{
	uint64_t at[KT_MEMORY_BATCH];
	uint64_t first = hash->table + hash->walk->places[KT_TABLE_BUCKETS].offset;
	size_t pages = hash->nest ? 0 : hash->size * POINTER / KT_PAGE_SIZE + 1;

	pages = KT_MIN(pages, (size_t)KT_MEMORY_BATCH);
	for (size_t i = 0; i < pages; i++)
		at[i] = first + i * KT_PAGE_SIZE;
	return kt_forward(kt_read_ahead(hash->walk->reader, at, pages));
}

static int open_table(struct kt_hash *hash, uint64_t table, struct kt_diag *diag)
{
	hash->table = table;
	hash->bucket = 0;
	hash->size = 0;
	hash->at = 0;
	if (!table)
		return 0;
	if (hash->tables++ >= KT_HASH_TABLES_MAX)
		return broken(hash, "each table names another one", diag);
	KT_TRY(kt_walk_member(hash->walk, KT_TABLE_SIZE, table, &hash->size, diag));
	KT_TRY(kt_walk_member(hash->walk, KT_TABLE_NEST, table, &hash->nest, diag));
	if (!hash->size || hash->size > KT_HASH_BUCKETS_MAX || hash->size & (hash->size - 1) ||
	    hash->nest > 31)
		return broken(hash, "no hash table has this size", diag);
	return kt_forward(read_ahead(hash));
}

int kt_hash_begin(struct kt_hash *ret_hash, const struct kt_walk *walk, uint64_t at, size_t max,
		  struct kt_diag *diag)
{
	uint64_t table = 0;

	*ret_hash = (struct kt_hash){ .walk = walk, .max = max };
	KT_TRY(kt_walk_require(walk, KT_WALK_HASHES, diag));
	KT_TRY(kt_walk_member(walk, KT_RHT_TBL, at, &table, diag));
	return kt_forward(open_table(ret_hash, table, diag));
}

/* *ret_at: where the bucket is, 0: nowhere. As __rht_bucket_nested() of lib/rhashtable.c. */
static int nested_bucket(const struct kt_hash *hash, uint64_t *ret_at, struct kt_diag *diag)
{
	uint64_t rest = hash->bucket >> hash->nest, size = hash->size >> hash->nest;
	uint64_t index = hash->bucket & ((UINT64_C(1) << hash->nest) - 1), table = 0;
	uint64_t top = hash->table + hash->walk->places[KT_TABLE_BUCKETS].offset;

	KT_TRY(kt_read_u64(hash->walk->reader, top, &table, diag));
	if (table)
		KT_TRY(kt_read_u64(hash->walk->reader, table + index * POINTER, &table, diag));
	for (; table && size > 1u << NESTED_BITS; size >>= NESTED_BITS, rest >>= NESTED_BITS) {
		index = rest & ((1u << NESTED_BITS) - 1);
		KT_TRY(kt_read_u64(hash->walk->reader, table + index * POINTER, &table, diag));
	}
	*ret_at = table ? table + rest * POINTER : 0;
	return 0;
}

/* Moves to the next bucket: *ret_first is its first element, 0: none. */
static int next_bucket(struct kt_hash *hash, uint64_t *ret_first, struct kt_diag *diag)
{
	uint64_t at =
		hash->table + hash->walk->places[KT_TABLE_BUCKETS].offset + hash->bucket * POINTER;

	*ret_first = 0;
	if (hash->nest)
		KT_TRY(nested_bucket(hash, &at, diag));
	if (at)
		KT_TRY(kt_read_u64(hash->walk->reader, at, ret_first, diag));
	*ret_first &= ~UINT64_C(1);
	hash->seen = (struct kt_seen){ .steps = 0 };
	hash->bucket++;
	return 0;
}

static int next_table(struct kt_hash *hash, struct kt_diag *diag)
{
	uint64_t table = 0;

	if (hash->table)
		KT_TRY(kt_walk_member(hash->walk, KT_TABLE_FUTURE, hash->table, &table, diag));
	return kt_forward(open_table(hash, table, diag));
}

int kt_hash_next(struct kt_hash *hash, uint64_t *ret_node, struct kt_diag *diag)
{
	uint64_t next = 0;

	if (hash->at)
		KT_TRY(kt_walk_member(hash->walk, KT_RHASH_NEXT, hash->at, &next, diag));
	while (!next || next & 1) {
		if (hash->bucket >= hash->size) {
			KT_TRY(next_table(hash, diag));
			if (!hash->table)
				return KT_WALK_E_END;
		}
		KT_TRY(next_bucket(hash, &next, diag));
	}
	if (kt_seen_again(&hash->seen, next))
		return kt_walk_fail(hash->walk, KT_WALK_E_CYCLE, "a chain does not end", diag);
	KT_TRY(kt_walk_count(hash->walk, &hash->count, hash->max, diag));
	hash->at = next;
	*ret_node = next;
	return 0;
}
