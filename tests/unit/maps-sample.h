/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with BPF maps, for tests and fuzz targets of their values: the containers' heap, the
 * structs of maps with made-up layouts, two CPUs.
 */
#pragma once

#include <linux/bpf.h>

#include "monitor/facts/bpf.h"
#include "tests/unit/containers-sample.h"

#define MAP	 (HEAP + 0x1000)
#define ELEMS	 (HEAP + 0x4000)
#define CPU_AREA (HEAP + 0x10000) /* of CPU 0; that of CPU 1 is a page behind */

/* Offsets in the made-up structs, bytes. */
enum {
	M_TYPE = 0,
	M_KEY = 4,
	M_VALUE = 8,
	M_MAX = 12,
	M_FLAGS = 16,
	M_ID = 20,
	M_TYPE_ID = 24,
	M_BTF = 32,
	M_NAME = 40,
	M_BYTES = 64,
	A_SIZE = 64,
	A_VALUE = 72,
	H_BUCKETS = 64,
	H_COUNT = 72,
	E_NODE_AT = 0,
	E_KEY = 24,
	BUCKET_BYTES = 16,
	S_BUCKETS = 64,
	S_LOG = 72,
	SE_NODE = 0,
	SE_OWNER = 16,
	SE_DATA = 24,
	SD_DATA = 8,
	LS_OWNER = 8,
	TASK_PID = 4,
	R_RB = 64,
	RB_MASK = 0,
	RB_CONSUMER = 8,
	RB_PRODUCER = 16,
	AR_START = 64,
	AR_END = 72,
	AR_VM = 80,
	B_DATA = 0,
	B_SIZE = 8,
	B_ID = 12,
};

struct maps {
	struct containers c;
	struct kt_sched_view sched;
	struct kt_bpf_view view;
};

static inline void maps_field(struct btf *btf, const char *name, int type, uint32_t bytes)
{
	if (btf__add_field(btf, name, type, bytes * 8, 0))
		abort();
}

static inline void maps_add_map(struct btf *btf, int u32, int ptr)
{
	int c = btf__add_int(btf, "char", 1, 0), name = btf__add_array(btf, u32, c, 16);

	btf__add_struct(btf, "bpf_map", M_BYTES);
	maps_field(btf, "map_type", u32, M_TYPE);
	maps_field(btf, "key_size", u32, M_KEY);
	maps_field(btf, "value_size", u32, M_VALUE);
	maps_field(btf, "max_entries", u32, M_MAX);
	maps_field(btf, "map_flags", u32, M_FLAGS);
	maps_field(btf, "id", u32, M_ID);
	maps_field(btf, "btf_value_type_id", u32, M_TYPE_ID);
	maps_field(btf, "btf", ptr, M_BTF);
	maps_field(btf, "name", name, M_NAME);
	btf__add_struct(btf, "btf", 16);
	maps_field(btf, "data", ptr, B_DATA);
	maps_field(btf, "data_size", u32, B_SIZE);
	maps_field(btf, "id", u32, B_ID);
}

static inline void maps_add_tables(struct btf *btf, int u32, int ptr)
{
	int none = btf__add_array(btf, u32, u32, 0), node, bucket, to_bucket;

	btf__add_struct(btf, "bpf_array", 128);
	maps_field(btf, "elem_size", u32, A_SIZE);
	maps_field(btf, "value", none, A_VALUE);
	node = btf__add_struct(btf, "hlist_nulls_node", 16);
	maps_field(btf, "next", ptr, 0);
	bucket = btf__add_struct(btf, "bucket", BUCKET_BYTES);
	maps_field(btf, "head", ptr, 0);
	to_bucket = btf__add_ptr(btf, bucket);
	btf__add_struct(btf, "bpf_htab", 128);
	maps_field(btf, "buckets", to_bucket, H_BUCKETS);
	maps_field(btf, "n_buckets", u32, H_COUNT);
	btf__add_struct(btf, "htab_elem", E_KEY);
	maps_field(btf, "hash_node", node, E_NODE_AT);
	maps_field(btf, "key", none, E_KEY);
}

static inline void maps_add_storage(struct btf *btf, int u32, int ptr)
{
	int none = btf__add_array(btf, u32, u32, 0), data;

	btf__add_struct(btf, "bpf_local_storage_map_bucket", BUCKET_BYTES);
	maps_field(btf, "list", ptr, 0);
	btf__add_struct(btf, "bpf_local_storage_map", 128);
	maps_field(btf, "buckets", ptr, S_BUCKETS);
	maps_field(btf, "bucket_log", u32, S_LOG);
	data = btf__add_struct(btf, "bpf_local_storage_data", SD_DATA);
	maps_field(btf, "data", none, SD_DATA);
	btf__add_struct(btf, "bpf_local_storage_elem", 64);
	maps_field(btf, "map_node", ptr, SE_NODE);
	maps_field(btf, "local_storage", ptr, SE_OWNER);
	maps_field(btf, "sdata", data, SE_DATA);
	btf__add_struct(btf, "bpf_local_storage", 16);
	maps_field(btf, "owner", ptr, LS_OWNER);
}

static inline void maps_add_special(struct btf *btf, int u64, int ptr)
{
	btf__add_struct(btf, "bpf_ringbuf", 32);
	maps_field(btf, "mask", u64, RB_MASK);
	maps_field(btf, "consumer_pos", u64, RB_CONSUMER);
	maps_field(btf, "producer_pos", u64, RB_PRODUCER);
	btf__add_struct(btf, "bpf_ringbuf_map", 128);
	maps_field(btf, "rb", ptr, R_RB);
	btf__add_struct(btf, "vm_struct", 16);
	maps_field(btf, "addr", ptr, 8);
	btf__add_struct(btf, "bpf_arena", 128);
	maps_field(btf, "user_vm_start", u64, AR_START);
	maps_field(btf, "user_vm_end", u64, AR_END);
	maps_field(btf, "kern_vm", ptr, AR_VM);
}

static inline void maps_init(struct maps *m)
{
	struct btf *btf = containers_btf();
	int u32 = btf__add_int(btf, "unsigned int", 4, 0), ptr = btf__add_ptr(btf, 0);
	int u64 = btf__add_int(btf, "unsigned long", 8, 0);

	maps_add_map(btf, u32, ptr);
	maps_add_tables(btf, u32, ptr);
	maps_add_storage(btf, u32, ptr);
	maps_add_special(btf, u64, ptr);
	containers_init(&m->c);
	kt_types_free(m->c.types);
	if (kt_types_new(&m->c.types, btf))
		abort();
	m->c.reader.types = m->c.types;
	m->sched = (struct kt_sched_view){
		.cpus = { .count = 2, .possible = { true, true }, .offsets = { 0, KT_PAGE_SIZE } }
	};
	kt_walk_init(&m->sched.walk, &m->c.reader);
	m->sched.places[KT_TASK_PID] = (struct kt_place){ .offset = TASK_PID, .size = 4 };
	m->sched.places[KT_CGROUP_NODE] = (struct kt_place){ .offset = 8, .size = 8 };
	m->sched.places[KT_NODE_ID] = (struct kt_place){ .offset = 16, .size = 8 };
	kt_bpf_init(&m->view, &m->sched);
}

static inline void maps_deinit(struct maps *m)
{
	containers_deinit(&m->c);
}
