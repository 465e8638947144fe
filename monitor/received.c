/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots from messages; see received.h. */
#include <string.h>

#include "monitor/received.h"

static int out_of_order(struct kt_diag *diag, const char *what)
{
	kt_diag_doing(diag, "store a snapshot");
	return kt_fail(diag, KT_SNAPSHOTS_E_PROTOCOL, "%s", what);
}

static int begin(struct kt_snapshots *store, const struct kt_msg_snapshot *msg,
		 struct kt_diag *diag)
{
	const struct kt_snapshot head = { .cause = msg->cause,
					  .generation = msg->generation,
					  .step = msg->step,
					  .time_ns = msg->time_ns };
	size_t next;

	kt_snapshots_list(store, &next);
	if (msg->snapshot != next)
		return out_of_order(diag, "snapshot number out of order");
	return kt_forward(kt_snapshots_begin(store, &head, diag));
}

static bool is_of_current(const struct kt_snapshots *store, uint32_t number)
{
	const struct kt_snapshot *s = kt_snapshots_current(store);

	return s && s->number == number;
}

static int add_map(struct kt_snapshots *store, const struct kt_msg_map *msg, struct kt_diag *diag)
{
	struct kt_snapshot_map map = { .id = msg->map_id,
				       .type = msg->type,
				       .key_size = msg->key_size,
				       .value_size = msg->value_size,
				       .value_type_id = msg->btf_value_type_id,
				       .values_per_key = msg->values_per_key,
				       .entries = msg->entries,
				       .state = msg->state,
				       .data = msg->data.data,
				       .len = msg->data.len };

	if (!is_of_current(store, msg->snapshot))
		return out_of_order(diag, "map outside its snapshot");
	memcpy(map.name, msg->name, sizeof(map.name));
	return kt_forward(kt_snapshots_add_map(store, &map, msg->btf_id, diag));
}

static int end(struct kt_snapshots *store, const struct kt_msg_snapshot_end *msg,
	       struct kt_diag *diag)
{
	if (!is_of_current(store, msg->snapshot) ||
	    msg->maps != kt_snapshots_current(store)->map_count)
		return out_of_order(diag, "snapshot end without its snapshot or with maps missing");
	return kt_forward(kt_snapshots_end(store, msg->valid, diag));
}

int kt_snapshots_receive(struct kt_snapshots *store, const struct kt_msg *msg, struct kt_diag *diag)
{
	switch (msg->type) {
	case KT_MSG_BTF:
		return kt_forward(kt_snapshots_add_btf(store, msg->btf.btf_id, msg->btf.data.data,
						       msg->btf.data.len, diag));
	case KT_MSG_SNAPSHOT:
		return kt_forward(begin(store, &msg->snapshot, diag));
	case KT_MSG_MAP:
		return kt_forward(add_map(store, &msg->map, diag));
	case KT_MSG_SNAPSHOT_END:
		return kt_forward(end(store, &msg->snapshot_end, diag));
	}
	return kt_raise(-EINVAL);
}
