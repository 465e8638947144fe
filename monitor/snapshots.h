/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF-map snapshots of one run, assembled from the messages of the guest.
 * The guest is not trusted: order, counts and sizes are checked, and a snapshot
 * counts only once its end has arrived and said that it is valid.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/msg.h"

struct kt_snapshot_map {
	struct kt_msg_map info; /* info.data points to owned bytes */
	const struct btf *btf;	/* NULL: no type information; borrowed from the store */
};

struct kt_snapshot {
	struct kt_msg_snapshot info;
	bool complete;		      /* its end has arrived */
	bool valid;		      /* one generation was live while all of it was read */
	struct kt_snapshot_map *maps; /* owned */
	unsigned int map_count;
	size_t bytes;
};

struct kt_snapshots;

int kt_snapshots_new(struct kt_snapshots **ret_store) _kt_must_check_;
struct kt_snapshots *kt_snapshots_free(struct kt_snapshots *store);

enum kt_snapshots_condition {
	/* messages out of order or beyond the limits */
	KT_SNAPSHOTS_E_PROTOCOL = KT_CONDITION(SNAPSHOTS),
};

/*
 * Takes in a BTF, SNAPSHOT, MAP or SNAPSHOT_END message; copies what it needs.
 * Others are -EINVAL. KT_SNAPSHOTS_E_PROTOCOL with diag.
 */
int kt_snapshots_add(struct kt_snapshots *store, const struct kt_msg *msg,
		     struct kt_diag *diag) _kt_must_check_;

/* All of them in order, complete or not. Borrowed until the next add. */
const struct kt_snapshot *kt_snapshots_list(const struct kt_snapshots *store, size_t *ret_count);
