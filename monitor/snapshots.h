/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of a run's snapshots. A producer begins a snapshot, adds its maps and ends the
 * snapshot; monitor/received.h is the producer for messages of the guest. Producers are
 * not trusted: the store checks order, counts and sizes, and checks read only snapshots
 * that are complete and valid.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/snapshot.h"

struct kt_snapshot_map {
	char name[KT_NAME_MAX]; /* as in struct bpf_map_info, at most 15 bytes */
	uint32_t id;
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t value_type_id;	 /* type of a value in btf */
	uint32_t values_per_key; /* number of possible CPUs for per-CPU types, else 1 */
	uint32_t entries;	 /* number of entries in data */
	uint32_t state;		 /* enum kt_map_state */
	const uint8_t *data;	 /* layout: proto/snapshot.h; in a store: owned by the store */
	size_t len;
	const struct btf *btf; /* owned by the store; NULL: the map has no BTF */
};

struct kt_snapshot {
	uint32_t number; /* counts snapshots from 0 */
	uint32_t cause;	 /* enum kt_snapshot_cause */
	uint32_t generation;
	uint32_t step;
	uint64_t time_ns; /* guest's CLOCK_MONOTONIC */
	bool complete;	  /* kt_snapshots_end() was called */
	bool valid;	  /* one generation was live from start to end of the snapshot */
	struct kt_snapshot_map *maps; /* owned */
	unsigned int map_count;
	size_t bytes; /* sum over its maps */
};

struct kt_snapshots;

int kt_snapshots_new(struct kt_snapshots **ret_store) _kt_must_check_;
struct kt_snapshots *kt_snapshots_free(struct kt_snapshots *store);

enum kt_snapshots_condition {
	/* wrong order, a limit exceeded, or inconsistent sizes */
	KT_SNAPSHOTS_E_PROTOCOL = KT_CONDITION(SNAPSHOTS),
};

/* For producers. All copy their arguments. KT_SNAPSHOTS_E_PROTOCOL with diag; -ENOMEM. */

/* Adds raw BTF under an id, for later maps. BTF that does not parse leaves them untyped. */
int kt_snapshots_add_btf(struct kt_snapshots *store, uint32_t id, const void *data, size_t len,
			 struct kt_diag *diag) _kt_must_check_;
/* Whether BTF was added under this id. */
bool kt_snapshots_has_btf(const struct kt_snapshots *store, uint32_t id);
/* Begins a snapshot with cause, generation, step and time of head; the last one has ended. */
int kt_snapshots_begin(struct kt_snapshots *store, const struct kt_snapshot *head,
		       struct kt_diag *diag) _kt_must_check_;
/* Adds map to the current snapshot. btf_id: id of its BTF, 0: none; map->btf is ignored. */
int kt_snapshots_add_map(struct kt_snapshots *store, const struct kt_snapshot_map *map,
			 uint32_t btf_id, struct kt_diag *diag) _kt_must_check_;
/* Ends the current snapshot. */
int kt_snapshots_end(struct kt_snapshots *store, bool valid, struct kt_diag *diag) _kt_must_check_;

/* The current snapshot: begun and not ended; NULL: none. */
const struct kt_snapshot *kt_snapshots_current(const struct kt_snapshots *store);

/* All snapshots in order, also incomplete ones. Borrowed until kt_snapshots_begin(). */
const struct kt_snapshot *kt_snapshots_list(const struct kt_snapshots *store, size_t *ret_count);

/* Whether the map has a value per possible CPU; value i is the one of CPU i. */
bool kt_snapshot_is_per_cpu(const struct kt_snapshot_map *map);
/* Bytes of the key in one entry of map->data: 0 for array types. */
size_t kt_snapshot_key_bytes(const struct kt_snapshot_map *map);
/* Bytes of one value in map->data, with padding. */
size_t kt_snapshot_value_bytes(const struct kt_snapshot_map *map);
