/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BTF and map bytes of a guest: u32 length of the BTF, the BTF, u8 type id,
 * then the map's bytes. Every path and the JSON of the snapshot are made.
 */

#include "base/cursor.h"
#include "monitor/bpfpath.h"
#include "monitor/received.h"
#include "report/snapshot.h"
#include "tests/fuzz/fuzz.h"

static const char *const paths[] = { "nr_dispatched", "stats.hits", "stats.low",  "table[1]",
				     "m[0]",	      "m[0].hits",  "m[7].x[3].y" };

static void look(const struct kt_snapshot *s)
{
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t value;
	json_t *json;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		(void)!kt_bpfpath_u64(s, paths[i], &value, &diag);
	if (!kt_snapshot_json(&json, s))
		json_decref(json);
}

static int fill(struct kt_snapshots *store, struct kt_cursor *c)
{
	struct kt_msg m = { .type = KT_MSG_BTF, .btf.btf_id = 1 };
	uint32_t len = (uint32_t)kt_cursor_le(c, 4), type_id;
	int r;

	m.btf.data.len = len % (uint32_t)(kt_cursor_left(c) + 1);
	m.btf.data.data = kt_cursor_take(c, m.btf.data.len);
	type_id = (uint32_t)kt_cursor_le(c, 1);
	r = kt_snapshots_receive(store, &m, NULL);
	if (r)
		return r;
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT };
	r = kt_snapshots_receive(store, &m, NULL);
	if (r)
		return r;
	m = (struct kt_msg){ .type = KT_MSG_MAP };
	m.map = (struct kt_msg_map){ .type = 2,
				     .key_size = 4,
				     .value_size = (uint32_t)kt_cursor_left(c),
				     .btf_id = 1,
				     .btf_value_type_id = type_id,
				     .values_per_key = 1,
				     .entries = 1,
				     .name = "m" };
	m.map.data.len = (uint32_t)kt_cursor_left(c);
	m.map.data.data = kt_cursor_take(c, m.map.data.len);
	r = kt_snapshots_receive(store, &m, NULL);
	if (r)
		return r;
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT_END, .snapshot_end = { 0, 1, 1 } };
	return kt_snapshots_receive(store, &m, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_cursor c = kt_cursor_over(data, size);
	struct kt_snapshots *store;
	size_t n;

	if (kt_snapshots_new(&store))
		return 0;
	if (!fill(store, &c))
		look(kt_snapshots_list(store, &n));
	kt_snapshots_free(store);
	return 0;
}
