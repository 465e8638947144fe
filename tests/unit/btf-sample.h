/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small BTF and snapshots of it, made in memory as a guest would send them:
 *
 *   .bss (map 1, generation g): u64 nr_dispatched; s32 balance;
 *        struct stats { u64 hits; union { u32 low; }; u32 flag:3, rest:5; } stats;
 *        u32 table[4];
 *   counters (map 2, per-CPU array of u64, 2 keys, 2 CPUs)
 *   tasks    (map 3, hash u32 -> struct stats)
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <linux/bpf.h>

#include "monitor/received.h"
#include "tests/unit/test.h"

#define SAMPLE_BTF_ID 11

struct sample_ids {
	int u32, u64, s32, stats, table, bss;
};

static inline struct btf *sample_btf(struct sample_ids *ids)
{
	struct btf *btf = btf__new_empty();
	int anonymous, var[4];

	ids->u64 = btf__add_int(btf, "u64", 8, 0);
	ids->u32 = btf__add_int(btf, "u32", 4, 0);
	ids->s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	anonymous = btf__add_union(btf, NULL, 4);
	btf__add_field(btf, "low", ids->u32, 0, 0);
	ids->stats = btf__add_struct(btf, "stats", 16);
	btf__add_field(btf, "hits", ids->u64, 0, 0);
	btf__add_field(btf, NULL, anonymous, 64, 0);
	btf__add_field(btf, "flag", ids->u32, 96, 3);
	btf__add_field(btf, "rest", ids->u32, 99, 5);
	ids->table = btf__add_array(btf, ids->u32, ids->u32, 4);
	var[0] = btf__add_var(btf, "nr_dispatched", BTF_VAR_GLOBAL_ALLOCATED, ids->u64);
	var[1] = btf__add_var(btf, "balance", BTF_VAR_GLOBAL_ALLOCATED, ids->s32);
	var[2] = btf__add_var(btf, "stats", BTF_VAR_GLOBAL_ALLOCATED, ids->stats);
	var[3] = btf__add_var(btf, "table", BTF_VAR_GLOBAL_ALLOCATED, ids->table);
	ids->bss = btf__add_datasec(btf, ".bss", 48);
	btf__add_datasec_var_info(btf, var[0], 0, 8);
	btf__add_datasec_var_info(btf, var[1], 8, 4);
	btf__add_datasec_var_info(btf, var[2], 16, 16);
	btf__add_datasec_var_info(btf, var[3], 32, 16);
	return btf;
}

static inline struct kt_msg sample_map(uint32_t snapshot, uint32_t id, const char *name,
				       uint32_t type, int type_id, uint32_t key_size,
				       uint32_t value_size, const void *data, uint32_t len)
{
	struct kt_msg m = { .type = KT_MSG_MAP };

	m.map = (struct kt_msg_map){ .snapshot = snapshot,
				     .map_id = id,
				     .type = type,
				     .key_size = key_size,
				     .value_size = value_size,
				     .max_entries = 1,
				     .btf_id = SAMPLE_BTF_ID,
				     .btf_value_type_id = (uint32_t)type_id,
				     .values_per_key = 1,
				     .entries = 1,
				     .data = { data, len } };
	strcpy(m.map.name, name);
	return m;
}

static inline void sample_add(struct kt_snapshots *store, const struct kt_msg *m)
{
	assert_ok(kt_snapshots_receive(store, m, &diag));
}

static inline void sample_send_btf(struct kt_snapshots *store, struct sample_ids *ids)
{
	struct btf *btf = sample_btf(ids);
	struct kt_msg m = { .type = KT_MSG_BTF, .btf.btf_id = SAMPLE_BTF_ID };

	m.btf.data.data = btf__raw_data(btf, &m.btf.data.len);
	sample_add(store, &m);
	btf__free(btf);
}

/* One whole snapshot with nr_dispatched = dispatched. */
static inline void sample_send_snapshot(struct kt_snapshots *store, const struct sample_ids *ids,
					uint32_t number, uint32_t generation, uint64_t dispatched)
{
	struct kt_msg m = { .type = KT_MSG_SNAPSHOT };
	uint64_t bss[6] = { dispatched,
			    (uint32_t)-5,
			    77,
			    33 | (uint64_t)(5 | 9 << 3) << 32,
			    10 | UINT64_C(20) << 32,
			    30 | UINT64_C(40) << 32 };
	uint64_t percpu[4] = { 1, 2, 30, 40 };
	uint8_t tasks[2 * 20] = { 0 };

	m.snapshot = (struct kt_msg_snapshot){ number, KT_SNAPSHOT_PERIODIC, generation, 0,
					       number * 1000 };
	sample_add(store, &m);
	m = sample_map(number, 1, "scx_samp.bss", BPF_MAP_TYPE_ARRAY, ids->bss, 4, 48, bss,
		       sizeof(bss));
	sample_add(store, &m);
	m = sample_map(number, 2, "counters", BPF_MAP_TYPE_PERCPU_ARRAY, ids->u64, 4, 8, percpu,
		       sizeof(percpu));
	m.map.values_per_key = 2;
	m.map.entries = 2;
	sample_add(store, &m);
	tasks[0] = 100; /* key */
	tasks[4] = 1;	/* hits */
	tasks[20] = 200;
	tasks[24] = 2;
	m = sample_map(number, 3, "tasks", BPF_MAP_TYPE_HASH, ids->stats, 4, 16, tasks,
		       sizeof(tasks));
	m.map.entries = 2;
	sample_add(store, &m);
	m = (struct kt_msg){ .type = KT_MSG_SNAPSHOT_END, .snapshot_end = { number, 3, 1 } };
	sample_add(store, &m);
}
