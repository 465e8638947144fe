/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of BPF maps in synthetic memory: every kind of map, and maps of a hostile guest. */
#include <stdio.h>

#include "base/cleanup.h"
#include "tests/unit/maps-sample.h"
#include "tests/unit/test.h"

#define NOWHERE UINT64_C(0xffff8880deadbee0)

static struct maps m;
static struct kt_bpf_values values;
static struct kt_diag why;

static void setup(void)
{
	maps_init(&m);
	values = (struct kt_bpf_values){ .entries = 0 };
	why = KT_DIAG_INIT;
}

static void teardown(void)
{
	kt_bpf_values_deinit(&values);
	maps_deinit(&m);
}

AROUND_EACH(setup, teardown);

static void put(uint64_t at, uint64_t value)
{
	guest_put_u64(&m.c.g, at, value);
}

static void put32(uint64_t at, uint32_t value)
{
	guest_put_u32(&m.c.g, at, value);
}

static void make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t max)
{
	put32(MAP + M_TYPE, type);
	put32(MAP + M_KEY, key);
	put32(MAP + M_VALUE, value);
	put32(MAP + M_MAX, max);
	put32(MAP + M_ID, 7);
	guest_put(&m.c.g, MAP + M_NAME, "counts", 7);
}

static int read_values(void)
{
	struct kt_guest_map map;

	assert_ok(kt_bpf_map_read(&m.view, MAP, &map, &diag));
	assert_string_equal(map.name, "counts");
	assert_int_equal(map.id, 7);
	kt_bpf_values_deinit(&values);
	values = (struct kt_bpf_values){ .entries = 0 };
	return kt_bpf_values_read(&m.view, &map, &values, &why);
}

static void expect_bytes(const void *want, size_t len, uint32_t entries, uint32_t per_key)
{
	assert_int_equal(read_values(), 0);
	assert_int_equal(values.state, KT_MAP_WHOLE);
	assert_int_equal(values.entries, entries);
	assert_int_equal(values.values_per_key, per_key);
	assert_int_equal(values.data.len, len);
	assert_memory_equal(values.data.data, want, len);
}

TEST(test_arrays)
{
	const uint32_t want[] = { 10, 20, 30 };
	const uint64_t wide[] = { 1, 2, 3, 4 };

	make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 3);
	put32(MAP + A_SIZE, 8);
	for (uint32_t i = 0; i < 3; i++)
		put32(MAP + A_VALUE + i * 8, want[i]);
	expect_bytes(want, sizeof(want), 3, 1);
	make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 2);
	for (uint64_t i = 0; i < 2; i++) {
		put(MAP + A_VALUE + i * 8, CPU_AREA + i * 64);
		put32(CPU_AREA + i * 64, (uint32_t)(2 * i + 1));
		put32(CPU_AREA + KT_PAGE_SIZE + i * 64, (uint32_t)(2 * i + 2));
	}
	expect_bytes(wide, sizeof(wide), 2, 2); /* padded to 8 bytes */
	put(MAP + A_VALUE + 8, NOWHERE);
	assert_int_equal(read_values(), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "map 'counts' -> [1] -> cpu 0: page not present at "
				       "0xffff8880deadbee0");
}

static void put_elem(uint64_t at, uint64_t next, uint32_t key, uint64_t value)
{
	put(at + E_NODE_AT, next);
	put32(at + E_KEY, key);
	put(at + E_KEY + 8, value);
}

static void make_hash(uint32_t type)
{
	make_map(type, 4, 8, 100);
	put(MAP + H_BUCKETS, ELEMS);
	put32(MAP + H_COUNT, 4);
	for (uint64_t i = 0; i < 4; i++)
		put(ELEMS + i * BUCKET_BYTES, i * 2 + 1);
	put(ELEMS + BUCKET_BYTES, ELEMS + 0x100);
	put_elem(ELEMS + 0x100, ELEMS + 0x200, 5, 50);
	put_elem(ELEMS + 0x200, 3, 6, CPU_AREA);
}

TEST(test_hashes)
{
	struct {
		uint32_t key;
		uint64_t value;
	} __attribute__((packed)) want[] = { { 5, 50 }, { 6, CPU_AREA } };

	make_hash(BPF_MAP_TYPE_HASH);
	expect_bytes(want, sizeof(want), 2, 1);
	make_hash(BPF_MAP_TYPE_LRU_HASH);
	expect_bytes(want, sizeof(want), 2, 1);
	make_hash(BPF_MAP_TYPE_PERCPU_HASH);
	put(ELEMS + 0x100 + E_KEY + 8, CPU_AREA);
	put(CPU_AREA, 8);
	put(CPU_AREA + KT_PAGE_SIZE, 9);
	assert_int_equal(read_values(), 0);
	assert_int_equal(values.entries, 2);
	assert_int_equal(values.data.len, 2 * (4 + 16));
	assert_int_equal(values.data.data[4], 8);
	assert_int_equal(values.data.data[12], 9);
}

TEST(test_storages)
{
	const uint64_t elem = ELEMS + 0x100, storage = ELEMS + 0x200, task = ELEMS + 0x300;
	const uint8_t want[] = { 42, 0, 0, 0, 99, 0, 0, 0 };

	make_map(BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0);
	put(MAP + S_BUCKETS, ELEMS);
	put32(MAP + S_LOG, 1);
	put(ELEMS + BUCKET_BYTES, elem + SE_NODE);
	put(elem + SE_OWNER, storage);
	put32(elem + SE_DATA + SD_DATA, 99);
	put(storage + LS_OWNER, task);
	put32(task + TASK_PID, 42);
	expect_bytes(want, sizeof(want), 1, 1);
	make_map(BPF_MAP_TYPE_CGRP_STORAGE, 4, 4, 0);
	put(task + 8, task); /* its kernfs node */
	put(task + 16, 42);
	expect_bytes(want, sizeof(want), 1, 1);
	put(storage + LS_OWNER, 0);
	assert_int_equal(read_values(), KT_READER_E_NULL);
	put(storage + LS_OWNER, NOWHERE);
	assert_int_equal(read_values(), KT_READER_E_MEMORY);
}

TEST(test_ring_buffers_and_arenas)
{
	struct kt_bpf_ringbuf ring;
	struct kt_bpf_arena arena;
	struct kt_guest_map map;
	uint64_t word;

	make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	put(MAP + R_RB, ELEMS);
	put(ELEMS + RB_MASK, 4095);
	put(ELEMS + RB_CONSUMER, 16);
	put(ELEMS + RB_PRODUCER, 64);
	assert_int_equal(read_values(), KT_BPF_E_TYPE);
	why = KT_DIAG_INIT;
	assert_ok(kt_bpf_map_read(&m.view, MAP, &map, &diag));
	assert_ok(kt_bpf_ringbuf_read(&m.view, &map, &ring, &diag));
	assert_int_equal(ring.size_bytes, 4096);
	assert_int_equal(ring.consumer, 16);
	assert_int_equal(ring.producer, 64);
	put(MAP + AR_START, UINT64_C(0x7f0000000000));
	put(MAP + AR_END, UINT64_C(0x7f0000001000));
	put(MAP + AR_VM, ELEMS);
	put(ELEMS + 8, CPU_AREA - 0x8000);
	put(CPU_AREA + 0x10, 4711);
	assert_ok(kt_bpf_arena_read(&m.view, &map, &arena, &diag));
	assert_ok(kt_bpf_arena_bytes(&m.view, &arena, UINT64_C(0x7f0000000010), &word, 8, &diag));
	assert_int_equal(word, 4711);
	assert_int_equal(
		kt_bpf_arena_bytes(&m.view, &arena, UINT64_C(0x7f0000000ffc), &word, 8, &why),
		KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "arena 0x7f0000000ffc: outside of the arena");
	assert_int_equal(kt_bpf_arena_bytes(&m.view, &arena, 8, &word, 8, NULL),
			 KT_READER_E_MEMORY);
}

TEST(test_sizes_that_lie)
{
	make_map(BPF_MAP_TYPE_ARRAY, 4, UINT32_MAX, 3);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	assert_string_equal(why.cause,
			    "map 'counts': no map has keys of 4, values of 4294967295 bytes");
	make_map(BPF_MAP_TYPE_HASH, UINT32_MAX, 8, 3);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	make_map(BPF_MAP_TYPE_ARRAY, 4, 0, 3);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	make_hash(BPF_MAP_TYPE_HASH);
	put32(MAP + H_COUNT, UINT32_MAX);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	put32(MAP + H_COUNT, 0);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	make_map(BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0);
	put32(MAP + S_LOG, 64);
	assert_int_equal(read_values(), KT_WALK_E_BROKEN);
	make_map(BPF_MAP_TYPE_TASK_STORAGE, 2, 4, 0);
	assert_int_equal(read_values(), KT_BPF_E_LACKS);
	/* An array that claims more entries than there is memory, or than a map may have. */
	make_map(BPF_MAP_TYPE_ARRAY, 4, 4, UINT32_MAX);
	put32(MAP + A_SIZE, 4);
	assert_int_equal(read_values(), KT_READER_E_MEMORY);
	put32(MAP + A_SIZE, 0);
	assert_int_equal(read_values(), 0);
	assert_int_equal(values.state, KT_MAP_TRUNCATED);
	assert_int_equal(values.data.len, KT_MAP_BYTES_MAX);
}

TEST(test_chains_that_do_not_end)
{
	make_hash(BPF_MAP_TYPE_HASH);
	put(ELEMS + 0x200 + E_NODE_AT, ELEMS + 0x100);
	assert_int_equal(read_values(), 0);
	assert_int_equal(values.state, KT_MAP_TRUNCATED);
	assert_true(values.data.len <= KT_MAP_BYTES_MAX);
	put(ELEMS + 0x200 + E_NODE_AT, NOWHERE);
	assert_int_equal(read_values(), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "map 'counts' -> bucket 1: page not present at "
				       "0xffff8880deadbef8");
}

TEST(test_btf_that_lies)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	uint32_t id = 0;

	put(ELEMS + B_DATA, CPU_AREA);
	put32(ELEMS + B_SIZE, 100);
	put32(ELEMS + B_ID, 3);
	assert_ok(kt_bpf_btf_read(&m.view, ELEMS, &out, &id, &diag));
	assert_int_equal(out.len, 100);
	assert_int_equal(id, 3);
	put32(ELEMS + B_SIZE, UINT32_MAX);
	assert_int_equal(kt_bpf_btf_read(&m.view, ELEMS, &out, &id, &why), KT_READER_E_MEMORY);
	assert_string_equal(why.cause, "btf: 4294967295 bytes of BTF");
	put32(ELEMS + B_SIZE, 101);
	out.max = 200;
	assert_int_equal(kt_bpf_btf_read(&m.view, ELEMS, &out, &id, NULL), KT_READER_E_MEMORY);
	assert_int_equal(out.len, 100);
}

/* A snapshot has all maps; what cannot be read is said of the map. */
TEST(test_snapshot)
{
	const struct kt_snapshot head = { .cause = KT_SNAPSHOT_PERIODIC };
	struct kt_bpf_scheduler *s = calloc(1, sizeof(*s));
	struct kt_snapshots *store;
	const struct kt_snapshot *snapshot;
	size_t count;

	assert_non_null(s);
	make_hash(BPF_MAP_TYPE_HASH);
	s->maps[s->map_count++] = MAP;
	s->maps[s->map_count++] = NOWHERE;
	assert_int_equal(kt_snapshots_new(&store), 0);
	assert_ok(kt_bpf_snapshot(&m.view, s, store, &head, &diag));
	put(ELEMS + 0x200 + E_NODE_AT, NOWHERE);
	assert_ok(kt_bpf_snapshot(&m.view, s, store, &head, &diag));
	snapshot = kt_snapshots_list(store, &count);
	assert_int_equal(count, 2);
	assert_true(snapshot[0].complete && snapshot[0].valid);
	assert_int_equal(snapshot[0].map_count, 1);
	assert_int_equal(snapshot[0].maps[0].entries, 2);
	assert_int_equal(snapshot[1].maps[0].entries, 0);
	assert_int_equal(snapshot[1].maps[0].state, KT_MAP_UNREADABLE);
	kt_snapshots_free(store);
	free(s);
}

/* The made-up kernel has no struct_ops, and all else. */
TEST(test_groups_stand_alone)
{
	struct kt_bpf_scheduler *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(kt_bpf_scheduler_read(&m.view, 0, s, &why), KT_BPF_E_LACKS);
	assert_string_equal(why.cause, "the kernel lacks 'struct_ops of sched_ext': there is no "
				       "struct bpf_struct_ops_map");
	make_map(BPF_MAP_TYPE_STRUCT_OPS, 4, 8, 1);
	assert_int_equal(read_values(), KT_BPF_E_LACKS);
	free(s);
}
