/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integers of a snapshot by path: "nr_dispatched", "stats.hits", "counters[3]",
 * "cpu_ctx[0].runtime_ns". scenario/check.h says what a path means; this is
 * where it is looked up.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "monitor/snapshots.h"

enum kt_bpfpath_condition {
	KT_BPFPATH_E_FORM = KT_CONDITION(BPFPATH), /* not a path */
	KT_BPFPATH_E_NAME, /* names nothing in the snapshot; diag lists what exists */
	KT_BPFPATH_E_TYPE, /* leads to something that is not an integer */
};

/* Per-CPU values are summed. A negative integer is sign-extended. */
int kt_bpfpath_u64(const struct kt_snapshot *snapshot, const char *path, uint64_t *ret_value,
		   struct kt_diag *diag) _kt_must_check_;

/* Appends the names a path can begin with: "nr_dispatched, stats, counters[]". */
int kt_bpfpath_names(const struct kt_snapshot *snapshot, struct kt_buf *out) _kt_must_check_;

/*
 * The map's value at entry number i and CPU number cpu as a typed view, and
 * where its key lies (NULL for array types). KT_TYPED_E_NONE beyond the entries
 * or CPUs, KT_TYPED_E_TYPE without type information.
 */
struct kt_typed;
int kt_bpfpath_entry(const struct kt_snapshot_map *map, uint32_t entry, uint32_t cpu,
		     struct kt_typed *ret_value, const uint8_t **ret_key) _kt_must_check_;
