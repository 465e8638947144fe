/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks over a kernel's containers, and over containers that a hostile guest linked. */
#include <stdio.h>

#include "base/cleanup.h"
#include "tests/unit/containers-sample.h"
#include "tests/unit/test.h"

#define NOWHERE UINT64_C(0xffff8880deadbee0)

static struct containers c;
static struct kt_diag why;

static void setup(void)
{
	containers_init(&c);
	why = KT_DIAG_INIT;
}

static void teardown(void)
{
	containers_deinit(&c);
}

AROUND_EACH(setup, teardown);

static void put(uint64_t at, uint64_t value)
{
	guest_put_u64(&c.g, at, value);
}

/* ---- lists ---- */

static int walk_list(uint64_t head, size_t max, uint64_t *nodes, size_t *ret_count)
{
	struct kt_list list = kt_list_begin(&c.walk, head, max);
	uint64_t node;
	size_t n = 0;
	int r;

	while (!(r = kt_list_next(&list, &node, &why)))
		nodes[n++] = node;
	*ret_count = n;
	return r;
}

static void link_list(uint64_t head, size_t count)
{
	for (size_t i = 0; i <= count; i++)
		put(head + i * 16, i < count ? head + (i + 1) * 16 : head);
}

TEST(test_lists)
{
	uint64_t nodes[64];
	size_t n;

	assert_int_equal(walk_list(HEAP, 10, nodes, &n), KT_WALK_E_END); /* never initialised */
	assert_int_equal(n, 0);
	link_list(HEAP, 0);
	assert_int_equal(walk_list(HEAP, 10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 0);
	link_list(HEAP, 10);
	assert_int_equal(walk_list(HEAP, 10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 10);
	assert_int_equal(nodes[9], HEAP + 160);
	assert_int_equal(walk_list(HEAP, 9, nodes, &n), KT_WALK_E_MANY);
	assert_string_equal(why.cause, "more than 9 elements");
	assert_int_equal(n, 9);
}

TEST(test_lists_that_do_not_end)
{
	static uint64_t nodes[4000];
	size_t n;

	for (uint64_t back = 1; back < 1000; back += 37) {
		link_list(HEAP, 1000);
		put(HEAP + 1000 * 16, HEAP + back * 16);
		assert_int_equal(walk_list(HEAP, 4000, nodes, &n), KT_WALK_E_CYCLE);
		assert_true(n >= 1000 && n < 4000);
	}
	put(HEAP + 16, HEAP + 16);
	assert_int_equal(walk_list(HEAP, 1000, nodes, &n), KT_WALK_E_CYCLE);
	assert_int_equal(n, 1);
}

TEST(test_list_into_nowhere)
{
	uint64_t nodes[8];
	size_t n;
	KT_TRAIL(&c.reader.trail, "cpu %u", 3);
	KT_TRAIL(&c.reader.trail, "local DSQ");

	link_list(HEAP, 4);
	put(HEAP + 3 * 16, NOWHERE);
	assert_int_equal(walk_list(HEAP, 8, nodes, &n), KT_READER_E_MEMORY);
	assert_string_equal(why.cause,
			    "cpu 3 -> local DSQ: page not present at 0xffff8880deadbee0");
	why = KT_DIAG_INIT;
	put(HEAP + 3 * 16, 0);
	assert_int_equal(walk_list(HEAP, 8, nodes, &n), KT_READER_E_MEMORY);
}

/* ---- trees ---- */

enum { RIGHT = 8, LEFT = 16 };

static int walk_tree(size_t max, uint64_t *nodes, size_t *ret_count)
{
	struct kt_tree tree;
	uint64_t node;
	size_t n = 0;
	int r = kt_tree_begin(&tree, &c.walk, HEAP, max, &why);

	while (!r && !(r = kt_tree_next(&tree, &node, &why)))
		nodes[n++] = node;
	*ret_count = n;
	return r;
}

/* A balanced tree of the nodes first to end - 1, in order of their addresses; returns its top. */
static uint64_t grow(uint64_t first, uint64_t end)
{
	uint64_t middle = first + (end - first) / 2, at = HEAP + 64 + middle * 32;

	if (first >= end)
		return 0;
	put(at + LEFT, grow(first, middle));
	put(at + RIGHT, grow(middle + 1, end));
	return at;
}

TEST(test_trees)
{
	uint64_t nodes[1024];
	size_t n;

	assert_int_equal(walk_tree(10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 0);
	put(HEAP, grow(0, 1000));
	assert_int_equal(walk_tree(1000, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 1000);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(nodes[i], HEAP + 64 + i * 32);
	assert_int_equal(walk_tree(999, nodes, &n), KT_WALK_E_MANY);
}

TEST(test_trees_that_are_none)
{
	static uint64_t nodes[4096];
	uint64_t top = HEAP + 64;
	size_t n;

	put(HEAP, top);
	put(top + LEFT, top); /* its own left side */
	assert_int_equal(walk_tree(4096, nodes, &n), KT_WALK_E_BROKEN);
	assert_string_equal(why.cause, "the tree is deeper than any");
	put(top + LEFT, 0);
	put(top + RIGHT, top); /* its own right side */
	assert_int_equal(walk_tree(4096, nodes, &n), KT_WALK_E_MANY);
	assert_int_equal(n, 4096);
	for (uint64_t i = 0; i < 60; i++) { /* 2^60 ways */
		put(top + i * 32 + LEFT, top + (i + 1) * 32);
		put(top + i * 32 + RIGHT, top + (i + 1) * 32);
	}
	assert_int_equal(walk_tree(4000, nodes, &n), KT_WALK_E_MANY);
}

/* ---- hash tables ---- */

enum { TABLE = 0x100, SIZE = 0, NEST = 4, FUTURE = 48, BUCKETS = 64 };

static int walk_hash(size_t max, uint64_t *nodes, size_t *ret_count)
{
	struct kt_hash hash;
	uint64_t node;
	size_t n = 0;
	int r = kt_hash_begin(&hash, &c.walk, HEAP, max, &why);

	while (!r && !(r = kt_hash_next(&hash, &node, &why)))
		nodes[n++] = node;
	*ret_count = n;
	return r;
}

static void make_table(uint64_t at, uint32_t size, uint32_t nest)
{
	guest_put_u32(&c.g, at + SIZE, size);
	guest_put_u32(&c.g, at + NEST, nest);
}

TEST(test_hashes)
{
	const uint64_t table = HEAP + TABLE, future = HEAP + 0x800, node = HEAP + 0x2000;
	uint64_t nodes[16];
	size_t n;

	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_END); /* never initialised */
	put(HEAP, table);
	make_table(table, 8, 0);
	put(table + BUCKETS + 8, 1); /* empty and locked */
	put(table + BUCKETS + 16, node | 1);
	put(node, node + 16);
	put(node + 16, (table + BUCKETS + 16) | 1); /* the end of the chain */
	put(table + BUCKETS + 56, node + 32);
	put(node + 32, 0x13);
	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 3);
	assert_int_equal(nodes[0], node);
	assert_int_equal(nodes[1], node + 16);
	assert_int_equal(nodes[2], node + 32);
	/* Elements that have moved on already. */
	put(table + FUTURE, future);
	make_table(future, 2, 0);
	put(future + BUCKETS, node + 48);
	put(node + 48, 1);
	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 4);
	assert_int_equal(nodes[3], node + 48);
	assert_int_equal(walk_hash(3, nodes, &n), KT_WALK_E_MANY);
}

/* Buckets in pages of their own: 2^nest of them. */
TEST(test_nested_hashes)
{
	const uint64_t table = HEAP + TABLE, top = HEAP + 0x1000, leaf = HEAP + 0x2000;
	const uint64_t node = HEAP + 0x4000;
	uint64_t nodes[16];
	size_t n;

	put(HEAP, table);
	make_table(table, 16, 3);
	put(table + BUCKETS, top);
	put(top + 5 * 8, leaf);
	put(leaf + 8, node); /* bucket 5 + 1 * 8 */
	put(node, 1);
	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 1);
	assert_int_equal(nodes[0], node);
}

TEST(test_hostile_hashes)
{
	const uint64_t table = HEAP + TABLE, node = HEAP + 0x2000;
	static uint64_t nodes[5000];
	size_t n;

	put(HEAP, table);
	for (unsigned int i = 0; i < 3; i++) {
		static const uint32_t sizes[] = { 0, 3, 1u << 31 };

		make_table(table, sizes[i], 0);
		assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_BROKEN);
	}
	make_table(table, 2, 32);
	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_BROKEN);
	make_table(table, 1, 0);
	put(table + FUTURE, table);
	assert_int_equal(walk_hash(10, nodes, &n), KT_WALK_E_BROKEN);
	put(table + BUCKETS, node);
	put(node, node);
	assert_int_equal(walk_hash(5000, nodes, &n), KT_WALK_E_CYCLE);
	put(node, NOWHERE);
	assert_int_equal(walk_hash(5000, nodes, &n), KT_READER_E_MEMORY);
	assert_int_equal(n, 2);
	make_table(table, 1u << 20, 0); /* a table that is larger than memory */
	put(table + BUCKETS, 0);
	assert_int_equal(walk_hash(5000, nodes, &n), KT_READER_E_MEMORY);
}

/* ---- arrays by index ---- */

static struct {
	uint64_t index, entry;
} entries[256];

static int walk_array(bool idr, size_t max, size_t *ret_count)
{
	struct kt_array array;
	uint64_t index, entry;
	size_t n = 0;
	int r = idr ? kt_array_begin_idr(&array, &c.walk, HEAP, max, &why) :
		      kt_array_begin_xarray(&array, &c.walk, HEAP, max, &why);

	while (!r && !(r = kt_array_next(&array, &index, &entry, &why))) {
		if (n < KT_ARRAY_SIZE(entries)) {
			entries[n].index = index;
			entries[n].entry = entry;
		}
		n++;
	}
	*ret_count = n;
	return r;
}

static uint64_t node_at(unsigned int i, uint8_t shift)
{
	uint64_t at = HEAP + 0x1000 + i * 0x400;

	guest_put(&c.g, at + NODE_SHIFT, &shift, 1);
	return at;
}

static void put_slot(uint64_t node, unsigned int slot, uint64_t entry)
{
	put(node + NODE_SLOTS + slot * 8, entry);
}

TEST(test_arrays)
{
	uint64_t root = node_at(0, 6), low = node_at(1, 0), high = node_at(2, 0);
	size_t n;

	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_END);
	assert_int_equal(n, 0);
	put(HEAP + 8, 0xabc0); /* one entry, at index 0, without a node */
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_END);
	assert_int_equal(n, 1);
	assert_int_equal(entries[0].entry, 0xabc0);
	put(HEAP + 8, root | 2);
	put_slot(root, 0, low | 2);
	put_slot(root, 63, high | 2);
	put_slot(root, 7, 6); /* a mark of the array's own */
	put_slot(low, 1, 0x1110);
	put_slot(low, 63, 0x2223); /* a value */
	put_slot(high, 2, 0x3330);
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_END);
	assert_int_equal(n, 3);
	assert_int_equal(entries[0].index, 1);
	assert_int_equal(entries[1].index, 63);
	assert_int_equal(entries[1].entry, 0x2223);
	assert_int_equal(entries[2].index, 63 * 64 + 2);
	assert_int_equal(entries[2].entry, 0x3330);
	guest_put_u32(&c.g, HEAP + 16, 1000); /* the idr's base */
	assert_int_equal(walk_array(true, 3, &n), KT_WALK_E_END);
	assert_int_equal(entries[2].index, 1000 + 63 * 64 + 2);
	assert_int_equal(walk_array(true, 2, &n), KT_WALK_E_MANY);
}

TEST(test_hostile_arrays)
{
	uint64_t root = node_at(0, 60);
	size_t n;

	put(HEAP + 8, root | 2);
	put_slot(root, 0, root | 2);
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_BROKEN);
	assert_string_equal(why.cause, "a node is of another level than its place");
	node_at(0, 66);
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_BROKEN);
	node_at(0, 5);
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_BROKEN);
	node_at(0, 0);
	assert_int_equal(walk_array(false, 10, &n), KT_WALK_E_BROKEN);
	/* 64^10 ways, all of them without an entry. */
	for (unsigned int i = 0; i <= 10; i++) {
		uint64_t node = node_at(i, (uint8_t)(60 - 6 * i));

		for (unsigned int slot = 0; slot < 64; slot++)
			put_slot(node, slot, i < 10 ? node_at(i + 1, 0) | 2 : 0);
	}
	for (unsigned int i = 0; i <= 10; i++)
		node_at(i, (uint8_t)(60 - 6 * i));
	assert_int_equal(walk_array(false, 100000, &n), KT_WALK_E_MANY);
	assert_int_equal(n, 0);
	put(HEAP + 8, NOWHERE | 2);
	why = KT_DIAG_INIT;
	assert_int_equal(walk_array(false, 10, &n), KT_READER_E_MEMORY);
	assert_contains(why.cause, "page not present");
}

/* A kernel without one container has the others. */
TEST(test_groups_stand_alone)
{
	struct btf *btf = btf__new_empty();
	uint64_t nodes[4];
	size_t n;
	int ptr = btf__add_ptr(btf, 0);

	btf__add_struct(btf, "list_head", 16);
	btf__add_field(btf, "next", ptr, 0, 0);
	kt_types_free(c.types);
	assert_int_equal(kt_types_new(&c.types, btf), 0);
	c.reader.types = c.types;
	kt_walk_init(&c.walk, &c.reader);
	link_list(HEAP, 1);
	assert_int_equal(walk_list(HEAP, 4, nodes, &n), KT_WALK_E_END);
	assert_int_equal(n, 1);
	assert_int_equal(walk_hash(4, nodes, &n), KT_WALK_E_LACKS);
	assert_string_equal(why.cause,
			    "the kernel lacks 'hash tables': there is no struct rhashtable");
	assert_int_equal(walk_tree(4, nodes, &n), KT_WALK_E_LACKS);
	assert_int_equal(walk_array(true, 4, &n), KT_WALK_E_LACKS);
}
