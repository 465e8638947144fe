/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is said of snapshots of BPF maps, by whoever makes them and whoever reads them.
 *
 * The bytes of a map hold `entries` times the value (array types) or key then value
 * (hash types); a per-CPU type has one value per possible CPU. Values are padded to 8
 * bytes in per-CPU types only.
 */
#pragma once

enum kt_snapshot_cause {
	KT_SNAPSHOT_PERIODIC,
	KT_SNAPSHOT_ATTACHED, /* right after a generation began */
	KT_SNAPSHOT_ENDING,   /* right before ktest ends a generation */
	KT_SNAPSHOT_CAUSE_COUNT_,
};

enum kt_map_state {
	KT_MAP_WHOLE,
	KT_MAP_TRUNCATED,   /* larger than KT_MAP_BYTES_MAX: the first entries */
	KT_MAP_UNSUPPORTED, /* a type that has no readable values */
	KT_MAP_UNREADABLE,  /* reading failed */
	KT_MAP_STATE_COUNT_,
};
