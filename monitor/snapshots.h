/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The snapshots of a run's BPF maps, whoever made them. A producer begins a snapshot,
 * adds its maps and ends it: the guest by messages (monitor/received.h). What is added is
 * not trusted: order, counts and sizes are checked, and a snapshot counts only once its
 * end has come and said that it is valid.
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
	char name[KT_NAME_MAX]; /* as the kernel gives it, at most 15 bytes */
	uint32_t id;
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t value_type_id;	 /* in btf */
	uint32_t values_per_key; /* 1, or possible CPUs */
	uint32_t entries;	 /* in data */
	uint32_t state;		 /* enum kt_map_state */
	const uint8_t *data;	 /* laid out as proto/snapshot.h says; in a store, owned by it */
	size_t len;
	const struct btf *btf; /* NULL: no type information; of the store */
};

struct kt_snapshot {
	uint32_t number; /* in order, from 0 */
	uint32_t cause;	 /* enum kt_snapshot_cause */
	uint32_t generation;
	uint32_t step;
	uint64_t time_ns;	      /* guest's CLOCK_MONOTONIC */
	bool complete;		      /* its end has come */
	bool valid;		      /* one generation was live while all of it was read */
	struct kt_snapshot_map *maps; /* owned */
	unsigned int map_count;
	size_t bytes;
};

struct kt_snapshots;

int kt_snapshots_new(struct kt_snapshots **ret_store) _kt_must_check_;
struct kt_snapshots *kt_snapshots_free(struct kt_snapshots *store);

enum kt_snapshots_condition {
	/* out of order, beyond the limits, or sizes that differ */
	KT_SNAPSHOTS_E_PROTOCOL = KT_CONDITION(SNAPSHOTS),
};

/* For producers. All copy what they are given. KT_SNAPSHOTS_E_PROTOCOL with diag; -ENOMEM. */

/* Raw BTF that maps of later snapshots refer to. What does not parse leaves them untyped. */
int kt_snapshots_add_btf(struct kt_snapshots *store, uint32_t id, const void *data, size_t len,
			 struct kt_diag *diag) _kt_must_check_;
/* Cause, generation, step and time of `head` are taken; the last snapshot must have ended. */
int kt_snapshots_begin(struct kt_snapshots *store, const struct kt_snapshot *head,
		       struct kt_diag *diag) _kt_must_check_;
/* btf_id: of the map's types, 0 for none; btf of `map` is not looked at. */
int kt_snapshots_add_map(struct kt_snapshots *store, const struct kt_snapshot_map *map,
			 uint32_t btf_id, struct kt_diag *diag) _kt_must_check_;
int kt_snapshots_end(struct kt_snapshots *store, bool valid, struct kt_diag *diag) _kt_must_check_;

/* The snapshot that was begun and has not ended; NULL: none is. */
const struct kt_snapshot *kt_snapshots_current(const struct kt_snapshots *store);

/* All of them in order, complete or not. Borrowed until the next one begins. */
const struct kt_snapshot *kt_snapshots_list(const struct kt_snapshots *store, size_t *ret_count);

/* Bytes of key in front of the values of one entry: 0 for array types. */
size_t kt_snapshot_key_bytes(const struct kt_snapshot_map *map);
/* Bytes of one value with its padding. */
size_t kt_snapshot_value_bytes(const struct kt_snapshot_map *map);
