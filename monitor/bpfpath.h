/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks up integers of a snapshot by path: "nr_dispatched", "stats.hits", "counters[3]",
 * "cpu_ctx[0].runtime_ns", "cpu_ctx[0]@cpu4.runtime_ns". scenario/check.h defines paths.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "monitor/snapshots.h"

enum kt_bpfpath_condition {
	KT_BPFPATH_E_FORM = KT_CONDITION(BPFPATH), /* the text is not a path */
	KT_BPFPATH_E_NAME, /* no value has this path; diag lists the names that exist */
	KT_BPFPATH_E_TYPE, /* the value is not an integer */
};

/*
 * *ret_value: the integer at path, sign-extended; of a per-CPU map the sum over all
 * CPUs, unless the path names a CPU.
 * A kt_bpfpath_condition with diag.
 */
int kt_bpfpath_u64(const struct kt_snapshot *snapshot, const char *path, uint64_t *ret_value,
		   struct kt_diag *diag) _kt_must_check_;

/* Appends the names with which a path can begin: "nr_dispatched, stats, counters[]". */
int kt_bpfpath_names(const struct kt_snapshot *snapshot, struct kt_buf *out) _kt_must_check_;

/*
 * The value of entry number `entry` and CPU index `cpu` as a typed view; *ret_key: its key,
 * NULL for array types. Both borrow from map. KT_TYPED_E_NONE: no such entry or CPU.
 * KT_TYPED_E_TYPE: the map has no BTF.
 */
struct kt_typed;
int kt_bpfpath_entry(const struct kt_snapshot_map *map, uint32_t entry, uint32_t cpu,
		     struct kt_typed *ret_value, const uint8_t **ret_key) _kt_must_check_;
