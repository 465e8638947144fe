/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of a scheduler as a snapshot in a store; see bpf.h. */
#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "monitor/facts/bpf-private.h"

int kt_bpf_btf_read(struct kt_bpf_view *view, uint64_t btf, struct kt_buf *out, uint32_t *ret_id,
		    struct kt_diag *diag)
{
	struct kt_reader *reader = kt_bpf_reader(view);
	uint64_t data = 0;
	uint32_t size = 0;
	KT_TRAIL(&reader->trail, "btf");

	KT_TRY(kt_bpf_require(view, KT_BPF_MAPS, diag));
	KT_TRY(kt_bpf_number(view, btf, KT_BTF_DATA, &data, diag));
	KT_TRY(kt_bpf_number32(view, btf, KT_BTF_SIZE, &size, diag));
	KT_TRY(kt_bpf_number32(view, btf, KT_BTF_ID, ret_id, diag));
	if (!size || size > KT_BTF_BYTES_MAX || !kt_buf_has_room(out, size))
		return kt_fail(diag, KT_READER_E_MEMORY, "%s: %u bytes of BTF", reader->trail.text,
			       size);
	KT_TRY(kt_buf_reserve(out, size));
	KT_TRY(kt_read_bytes(reader, data, out->data + out->len, size, diag));
	out->len += size;
	return 0;
}

/* The id of a map's BTF in the store, which gets it when it is new; 0: it cannot be read. */
static int add_btf(struct kt_bpf_view *view, const struct kt_guest_map *map,
		   struct kt_snapshots *store, uint32_t *ret_id, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf data = KT_BUF_INIT(KT_BTF_BYTES_MAX);
	uint32_t id = 0;
	int r;

	*ret_id = 0;
	if (!map->btf)
		return 0;
	r = kt_bpf_number32(view, map->btf, KT_BTF_ID, &id, NULL);
	if (!r && !kt_snapshots_has_btf(store, id)) {
		r = kt_bpf_btf_read(view, map->btf, &data, &id, NULL);
		if (!r)
			KT_TRY(kt_snapshots_add_btf(store, id, data.data, data.len, diag));
	}
	if (r)
		return r < 0 ? kt_forward(r) : 0;
	*ret_id = id;
	return 0;
}

static int add_values(struct kt_bpf_view *view, const struct kt_guest_map *map, uint32_t btf_id,
		      struct kt_snapshots *store, struct kt_diag *diag)
{
	_cleanup_(kt_bpf_values_deinit) struct kt_bpf_values values = { .values_per_key = 1 };
	struct kt_snapshot_map m = { .id = map->id,
				     .type = map->type,
				     .key_size = map->key_size,
				     .value_size = map->value_size,
				     .value_type_id = map->value_type_id,
				     .values_per_key = 1 };
	int r = kt_bpf_values_read(view, map, &values, NULL);

	if (r < 0)
		return kt_forward(r);
	snprintf(m.name, sizeof(m.name), "%s", map->name);
	m.state = r == KT_BPF_E_TYPE ? KT_MAP_UNSUPPORTED : KT_MAP_UNREADABLE;
	if (!r) {
		m.state = values.state;
		m.entries = values.entries;
		m.values_per_key = values.values_per_key;
		m.data = values.data.data;
		m.len = values.data.len;
	}
	return kt_forward(kt_snapshots_add_map(store, &m, btf_id, diag));
}

static int add_map(struct kt_bpf_view *view, uint64_t at, struct kt_snapshots *store,
		   struct kt_diag *diag)
{
	struct kt_guest_map map = { .at = 0 };
	uint32_t btf_id = 0;
	int r = kt_bpf_map_read(view, at, &map, NULL);

	if (r)
		return r < 0 ? kt_forward(r) : 0; /* it has neither a name nor a type */
	KT_TRY(add_btf(view, &map, store, &btf_id, diag));
	return kt_forward(add_values(view, &map, btf_id, store, diag));
}

int kt_bpf_snapshot(struct kt_bpf_view *view, const struct kt_bpf_scheduler *scheduler,
		    struct kt_snapshots *store, const struct kt_snapshot *head,
		    struct kt_diag *diag)
{
	KT_TRY(kt_snapshots_begin(store, head, diag));
	for (size_t i = 0; i < scheduler->map_count; i++)
		KT_TRY(add_map(view, scheduler->maps[i], store, diag));
	return kt_forward(kt_snapshots_end(store, true, diag));
}
