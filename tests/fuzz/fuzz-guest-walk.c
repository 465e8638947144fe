/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heap of a guest, at HEAP: at offset 0 a list's head, at 0x10 the root of a tree, at 0x20 a
 * hash table, at 0x30 an idr. All of them are walked, which ends after a bounded number of
 * elements.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/containers-sample.h"

#define ELEMENTS_MAX 200

static struct containers c;

static void walk_list(void)
{
	struct kt_list list = kt_list_begin(&c.walk, HEAP, ELEMENTS_MAX);
	uint64_t node;
	size_t n = 0;

	while (!kt_list_next(&list, &node, NULL))
		if (n++ >= ELEMENTS_MAX)
			abort();
}

static void walk_tree(void)
{
	struct kt_tree tree;
	uint64_t node;
	size_t n = 0;

	if (kt_tree_begin(&tree, &c.walk, HEAP + 0x10, ELEMENTS_MAX, NULL))
		return;
	while (!kt_tree_next(&tree, &node, NULL))
		if (n++ >= ELEMENTS_MAX)
			abort();
}

static void walk_hash(void)
{
	struct kt_hash hash;
	uint64_t node;
	size_t n = 0;

	if (kt_hash_begin(&hash, &c.walk, HEAP + 0x20, ELEMENTS_MAX, NULL))
		return;
	while (!kt_hash_next(&hash, &node, NULL))
		if (n++ >= ELEMENTS_MAX)
			abort();
}

static void walk_array(void)
{
	struct kt_array array;
	uint64_t index, entry;
	size_t n = 0;

	if (kt_array_begin_idr(&array, &c.walk, HEAP + 0x30, ELEMENTS_MAX, NULL))
		return;
	while (!kt_array_next(&array, &index, &entry, NULL))
		if (n++ >= ELEMENTS_MAX || !entry)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!c.types)
		containers_init(&c);
	/* The page tables of the sample are far above. */
	memset(c.g.ram, 0, HEAP_BYTES);
	if (size)
		memcpy(c.g.ram, data, KT_MIN(size, (size_t)HEAP_BYTES));
	kt_memory_forget(c.g.memory);
	walk_list();
	walk_tree();
	walk_hash();
	walk_array();
	return 0;
}
