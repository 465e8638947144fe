/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots: store, values by path, JSON; hostile messages and BTF. */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/bpfpath.h"
#include "base/jsontext.h"
#include "report/snapshot.h"
#include "monitor/snapshots-private.h"
#include "monitor/typed.h"
#include "tests/unit/btf-sample.h"

static struct kt_snapshots *store;
static struct sample_ids ids;

static void setup(void)
{
	assert_int_equal(kt_snapshots_new(&store), 0);
	sample_send_btf(store, &ids);
	sample_send_snapshot(store, &ids, 0, 1, 1234);
}

static void teardown(void)
{
	store = kt_snapshots_free(store);
}

AROUND_EACH(setup, teardown);

static const struct kt_snapshot *first(void)
{
	size_t n;

	return kt_snapshots_list(store, &n);
}

static void expect(const char *path, uint64_t want)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t value;

	if (kt_bpfpath_u64(first(), path, &value, &diag))
		fail_msg("%s: %s", path, diag.cause);
	assert_int_equal(value, want);
}

TEST(test_paths)
{
	expect("nr_dispatched", 1234);
	expect("balance", (uint64_t)-5);
	expect("stats.hits", 77);
	expect("stats.low", 33); /* within an anonymous union */
	expect("stats.flag", 5); /* bit fields */
	expect("stats.rest", 9);
	expect("table[0]", 10);
	expect("table[3]", 40);
	expect("counters[0]", 3); /* summed over CPUs */
	expect("counters[1]", 70);
	expect("counters[0]@cpu0", 1);
	expect("counters[0]@cpu1", 2);
	expect("counters[1]@cpu1", 40);
	expect("tasks[200].hits", 2);
}

TEST(test_bad_paths)
{
	static const struct {
		const char *path;
		int want;
		const char *word;
	} cases[] = {
		{ "", KT_BPFPATH_E_FORM, "not a path" },
		{ "a..b", KT_BPFPATH_E_FORM, "not a path" },
		{ "a[", KT_BPFPATH_E_FORM, "not a path" },
		{ "a[-1]", KT_BPFPATH_E_FORM, "not a path" },
		{ "a[99999999999999999999]", KT_BPFPATH_E_FORM, "not a path" },
		{ "[0]", KT_BPFPATH_E_FORM, "not a path" },
		{ "counters@cpu0", KT_BPFPATH_E_FORM, "not a path" },
		{ "counters[0]@cpu", KT_BPFPATH_E_FORM, "not a path" },
		{ "counters[0]@cpu0@cpu1", KT_BPFPATH_E_FORM, "not a path" },
		{ "tasks[200].hits@cpu0", KT_BPFPATH_E_FORM, "not a path" },
		{ "counters[0]@cpu2", KT_BPFPATH_E_NAME, "no such name" },
		{ "counters[0]@cpu4294967296", KT_BPFPATH_E_NAME, "no such name" },
		{ "tasks[200]@cpu0.hits", KT_BPFPATH_E_TYPE, "no such index, CPU or member" },
		{ "table[0]@cpu0", KT_BPFPATH_E_TYPE, "no such index, CPU or member" },
		{ "nr_dispatche", KT_BPFPATH_E_NAME,
		  "nr_dispatched, balance, stats, table, counters[], tasks[]" },
		{ "table[4]", KT_BPFPATH_E_NAME, "no such name" },
		{ "stats.nothing", KT_BPFPATH_E_NAME, "no such name" },
		{ "counters[2]", KT_BPFPATH_E_NAME, "no such name" },
		{ "tasks[300].hits", KT_BPFPATH_E_NAME, "no such name" },
		{ "stats", KT_BPFPATH_E_TYPE, "not an integer" },
		{ "counters", KT_BPFPATH_E_TYPE, "not an integer" },
		{ "nr_dispatched.x", KT_BPFPATH_E_TYPE, "not an integer" },
	};
	uint64_t value = 42;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_bpfpath_u64(first(), cases[i].path, &value, &diag),
				 cases[i].want);
		if (!strstr(diag.cause, cases[i].word))
			fail_msg("%s: %s", cases[i].path, diag.cause);
		assert_int_equal(value, 42);
	}
}

static void refused(const struct kt_msg *m)
{
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_snapshots_receive(store, m, &diag), KT_SNAPSHOTS_E_PROTOCOL);
	assert_true(kt_diag_is_set(&diag));
}

static void begin_snapshot(uint32_t number)
{
	const struct kt_msg m = { .type = KT_MSG_SNAPSHOT, .snapshot.snapshot = number };

	sample_add(store, &m);
}

static void end_snapshot(uint32_t number, uint32_t maps)
{
	const struct kt_msg m = { .type = KT_MSG_SNAPSHOT_END,
				  .snapshot_end = { number, maps, 1 } };

	sample_add(store, &m);
}

TEST(test_order_is_checked)
{
	struct kt_msg m = { .type = KT_MSG_SNAPSHOT, .snapshot.snapshot = 7 };
	uint64_t v = 0;

	refused(&m); /* number out of order */
	m = sample_map(0, 9, "late", BPF_MAP_TYPE_ARRAY, ids.u64, 4, 8, &v, 8);
	refused(&m); /* map after the end of its snapshot */
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT_END, .snapshot_end.snapshot = 0 };
	refused(&m); /* ended twice */
	begin_snapshot(1);
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT, .snapshot.snapshot = 2 };
	refused(&m); /* begins before the end of the last one */
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT_END, .snapshot_end = { 1, 1, 1 } };
	refused(&m); /* counts a missing map */
	m = (struct kt_msg){ .type = KT_MSG_HEARTBEAT };
	assert_int_equal(kt_snapshots_receive(store, &m, NULL), -EINVAL);
}

TEST(test_sizes_are_checked)
{
	uint64_t v[4] = { 0 };
	struct kt_msg m;

	begin_snapshot(1);
	m = sample_map(1, 1, "m", BPF_MAP_TYPE_ARRAY, ids.u64, 4, 8, v, 8);
	m.map.entries = 2;
	refused(&m);
	m.map.entries = 1;
	m.map.values_per_key = 0;
	refused(&m);
	m.map.values_per_key = 1u << 31;
	refused(&m);
	m.map.values_per_key = 1;
	m.map.value_size = UINT32_MAX;
	refused(&m);
	m.map.value_size = 8;
	m.map.state = KT_MAP_STATE_COUNT_;
	refused(&m);
}

/* A map with one entry of `size` arbitrary bytes. */
static struct kt_msg large_map(uint32_t snapshot, uint32_t size)
{
	static const uint8_t data[KT_MAP_BYTES_MAX + 1];

	return sample_map(snapshot, 1, "m", BPF_MAP_TYPE_ARRAY, ids.u64, 4, size, data, size);
}

TEST(test_maps_of_a_snapshot_are_bounded)
{
	struct kt_msg m = large_map(1, KT_MAP_BYTES_MAX + 1);

	begin_snapshot(1);
	refused(&m);
	m.map.value_size = 1;
	m.map.entries = KT_MAP_BYTES_MAX + 1;
	refused(&m);
	m = large_map(1, 8);
	for (unsigned int i = 0; i < KT_SNAPSHOT_MAPS_MAX; i++)
		sample_add(store, &m);
	refused(&m);
	end_snapshot(1, KT_SNAPSHOT_MAPS_MAX);
	begin_snapshot(2);
	m = large_map(2, KT_MAP_BYTES_MAX);
	for (unsigned int i = 0; i < KT_SNAPSHOT_BYTES_MAX / KT_MAP_BYTES_MAX; i++)
		sample_add(store, &m);
	m = large_map(2, 1);
	refused(&m);
}

/* The data must have the bytes of all entries. */
TEST(test_entries_have_bytes)
{
	struct kt_msg m = large_map(1, 0);

	begin_snapshot(1);
	refused(&m); /* entries of 0 bytes, whose number nothing limits */
	m.map.key_size = 0;
	m.map.entries = UINT32_MAX;
	refused(&m);
	m.map.entries = 1;
	m.map.value_size = KT_MAP_BYTES_MAX + 1;
	refused(&m);
	m.map.value_size = 8;
	m.map.values_per_key = 0;
	refused(&m);
	/* Sizes whose product is the length of the data modulo 2^64. */
	m = large_map(1, 458740);
	m.map.type = BPF_MAP_TYPE_PERCPU_HASH;
	m.map.key_size = 65533;
	m.map.value_size = KT_MAP_BYTES_MAX;
	m.map.values_per_key = 8192;
	m.map.entries = 4294901764u;
	refused(&m);
	m = large_map(1, 0);
	/* A variable that is larger than KT_MAP_BYTES_MAX. */
	m.map.value_size = KT_MAP_BYTES_MAX + 1;
	m.map.values_per_key = 1;
	m.map.entries = 0;
	sample_add(store, &m);
}

TEST(test_bytes_of_a_run_are_bounded)
{
	struct kt_msg m = large_map(1, 8);

	assert_int_equal(store->bytes, first()->bytes);
	begin_snapshot(1);
	store->bytes = KT_RUN_MAPS_BYTES_MAX - 8;
	sample_add(store, &m);
	m = large_map(1, 1);
	refused(&m);
}

TEST(test_snapshots_are_counted)
{
	struct kt_msg m = { .type = KT_MSG_SNAPSHOT };

	for (uint32_t n = 1; n < KT_SNAPSHOTS_MAX + 2 * KT_GENERATIONS_MAX; n++) {
		begin_snapshot(n);
		end_snapshot(n, 0);
	}
	m.snapshot.snapshot = KT_SNAPSHOTS_MAX + 2 * KT_GENERATIONS_MAX;
	refused(&m);
}

TEST(test_btfs_are_bounded)
{
	static const uint8_t data[KT_BTF_BYTES_MAX + 1];
	struct kt_msg m = { .type = KT_MSG_BTF, .btf = { 1, { data, sizeof(data) } } };

	refused(&m);
	m.btf.data.len = 4;
	for (unsigned int i = 1; i < KT_BTFS_MAX; i++) /* one BTF exists already */
		sample_add(store, &m);
	refused(&m);
}

/* A BTF type larger than the value: no read outside the data. */
TEST(test_btf_may_lie)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint32_t small = 1;
	struct kt_msg m;
	uint64_t value;
	size_t n;

	begin_snapshot(1);
	m = sample_map(1, 1, "short.bss", BPF_MAP_TYPE_ARRAY, ids.bss, 4, 4, &small, 4);
	sample_add(store, &m);
	m = sample_map(1, 2, "short", BPF_MAP_TYPE_ARRAY, ids.u64, 4, 4, &small, 4);
	sample_add(store, &m);
	m = sample_map(1, 3, "none", BPF_MAP_TYPE_ARRAY, 9999, 4, 4, &small, 4);
	sample_add(store, &m);
	end_snapshot(1, 3);
	assert_int_not_equal(
		kt_bpfpath_u64(&kt_snapshots_list(store, &n)[1], "stats.hits", &value, &diag), 0);
	assert_int_equal(kt_bpfpath_u64(&kt_snapshots_list(store, &n)[1], "short[0]", &value, NULL),
			 KT_BPFPATH_E_TYPE);
	assert_int_equal(kt_bpfpath_u64(&kt_snapshots_list(store, &n)[1], "none[0]", &value, NULL),
			 KT_BPFPATH_E_TYPE);
}

TEST(test_garbage_btf_leaves_maps_untyped)
{
	struct kt_msg m = { .type = KT_MSG_BTF, .btf = { 12, { (const uint8_t *)"junk", 4 } } };
	uint64_t v = 5, value;
	size_t n;

	sample_add(store, &m);
	begin_snapshot(1);
	m = sample_map(1, 1, "m", BPF_MAP_TYPE_ARRAY, ids.u64, 4, 8, &v, 8);
	m.map.btf_id = 12;
	sample_add(store, &m);
	end_snapshot(1, 1);
	assert_int_equal(kt_bpfpath_u64(&kt_snapshots_list(store, &n)[1], "m[0]", &value, NULL),
			 KT_BPFPATH_E_TYPE);
}

/* A producer without messages, such as a reader of guest memory. */
TEST(test_another_producer)
{
	const uint32_t values[2] = { 40, 2 };
	struct kt_snapshot_map map = { .name = "own",
				       .type = BPF_MAP_TYPE_ARRAY,
				       .key_size = 4,
				       .value_size = 4,
				       .value_type_id = (uint32_t)ids.u32,
				       .values_per_key = 1,
				       .entries = 2,
				       .data = (const uint8_t *)values,
				       .len = sizeof(values) - 1 };
	const struct kt_snapshot head = { .number = 9, .generation = 3, .time_ns = 7 }, *s;
	uint64_t value;
	size_t n;

	assert_int_equal(kt_snapshots_add_map(store, &map, 0, NULL), KT_SNAPSHOTS_E_PROTOCOL);
	assert_int_equal(kt_snapshots_end(store, true, NULL), KT_SNAPSHOTS_E_PROTOCOL);
	assert_int_equal(kt_snapshots_begin(store, &head, NULL), 0);
	assert_int_equal(kt_snapshots_begin(store, &head, NULL), KT_SNAPSHOTS_E_PROTOCOL);
	assert_int_equal(kt_snapshots_add_map(store, &map, SAMPLE_BTF_ID, NULL),
			 KT_SNAPSHOTS_E_PROTOCOL);
	map.len++;
	assert_int_equal(kt_snapshots_add_map(store, &map, SAMPLE_BTF_ID, NULL), 0);
	assert_int_equal(kt_snapshots_end(store, true, NULL), 0);
	s = &kt_snapshots_list(store, &n)[1];
	assert_int_equal(s->number, 1);
	assert_int_equal(s->generation, 3);
	assert_ptr_not_equal(s->maps[0].data, values);
	assert_int_equal(kt_bpfpath_u64(s, "own[1]", &value, NULL), 0);
	assert_int_equal(value, 2);
}

TEST(test_json)
{
	json_t *json, *maps, *vars;

	assert_int_equal(kt_snapshot_json(&json, first()), 0);
	assert_int_equal(json_integer_value(json_object_get(json, "generation")), 1);
	maps = json_object_get(json, "maps");
	assert_int_equal(json_array_size(maps), 3);
	vars = json_object_get(json_array_get(maps, 0), "variables");
	assert_int_equal(json_integer_value(json_object_get(vars, "nr_dispatched")), 1234);
	assert_int_equal(json_integer_value(json_object_get(vars, "balance")), -5);
	assert_int_equal(json_array_size(json_object_get(vars, "table")), 4);
	vars = json_object_get(json_array_get(maps, 2), "values");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(vars, "200"), "hits")),
			 2);
	json_decref(json);
}

/* Bytes of the guest that JSON cannot hold are replaced, not dropped. */
TEST(test_json_of_hostile_text)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want;
	} cases[] = {
		{ "plain", 5, "plain" },       { "\xff\xfe", 2, "??" }, { "a\0b", 3, "a?b" },
		{ "\xc3\xa4", 2, "\xc3\xa4" }, { "", 0, "" },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		json_t *text = kt_json_text(cases[i].bytes, cases[i].len);

		assert_string_equal(json_string_value(text), cases[i].want);
		json_decref(text);
	}
}
