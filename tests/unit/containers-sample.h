/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with a page of heap and the kernel's containers, for tests and fuzz targets of the walks.
 * Layouts are those of 64-bit kernels.
 */
#pragma once

#include "monitor/kernel/walk.h"
#include "tests/unit/guest-sample.h"

#define HEAP	   UINT64_C(0xffff888000000000)
#define HEAP_BYTES (64 * KT_PAGE_SIZE)

enum { NODE_SHIFT = 0, NODE_SLOTS = 40, NODE_BYTES = 40 + 64 * 8 };

struct containers {
	struct guest g;
	struct kt_types *types;
	struct kt_reader reader;
	struct kt_walk walk;
};

static inline struct btf *containers_btf(void)
{
	struct btf *btf = btf__new_empty();
	int u8 = btf__add_int(btf, "u8", 1, 0), u32 = btf__add_int(btf, "u32", 4, 0);
	int ptr = btf__add_ptr(btf, 0), slots = btf__add_array(btf, u32, ptr, 64);
	int none = btf__add_array(btf, u32, ptr, 0), xarray;

	btf__add_struct(btf, "list_head", 16);
	btf__add_field(btf, "next", ptr, 0, 0);
	btf__add_field(btf, "prev", ptr, 64, 0);
	btf__add_struct(btf, "rb_node", 24);
	btf__add_field(btf, "__rb_parent_color", ptr, 0, 0);
	btf__add_field(btf, "rb_right", ptr, 64, 0);
	btf__add_field(btf, "rb_left", ptr, 128, 0);
	btf__add_struct(btf, "rhashtable", 16);
	btf__add_field(btf, "tbl", ptr, 0, 0);
	btf__add_struct(btf, "bucket_table", 64);
	btf__add_field(btf, "size", u32, 0, 0);
	btf__add_field(btf, "nest", u32, 32, 0);
	btf__add_field(btf, "future_tbl", ptr, 384, 0);
	btf__add_field(btf, "buckets", none, 512, 0);
	btf__add_struct(btf, "rhash_head", 8);
	btf__add_field(btf, "next", ptr, 0, 0);
	xarray = btf__add_struct(btf, "xarray", 16);
	btf__add_field(btf, "xa_head", ptr, 64, 0);
	btf__add_struct(btf, "xa_node", NODE_BYTES);
	btf__add_field(btf, "shift", u8, NODE_SHIFT * 8, 0);
	btf__add_field(btf, "slots", slots, NODE_SLOTS * 8, 0);
	btf__add_struct(btf, "idr", 24);
	btf__add_field(btf, "idr_rt", xarray, 0, 0);
	btf__add_field(btf, "idr_base", u32, 128, 0);
	return btf;
}

static inline void containers_init(struct containers *c)
{
	guest_init(&c->g, 1 << 20, 4);
	for (uint64_t at = 0; at < HEAP_BYTES; at += KT_PAGE_SIZE)
		guest_map(&c->g, HEAP + at, at, 1);
	if (kt_types_new(&c->types, containers_btf()))
		abort();
	c->reader = (struct kt_reader){ .space = c->g.space, .types = c->types };
	kt_walk_init(&c->walk, &c->reader);
}

static inline void containers_deinit(struct containers *c)
{
	kt_types_free(c->types);
	guest_deinit(&c->g);
}
