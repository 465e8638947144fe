/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Enums and layout of snapshots of BPF maps, shared by guest, store and reports.
 *
 * The data of a map are `entries` entries. An entry is a value (array types) or a key and
 * then a value (hash types). A per-CPU type has one value per possible CPU in each entry, that of
 * CPU 0 first, each padded to a multiple of 8 bytes; other types have no padding.
 */
#pragma once

enum kt_snapshot_cause {
	KT_SNAPSHOT_PERIODIC, /* at the interval of the scenario */
	KT_SNAPSHOT_ATTACHED, /* right after an attach began a generation */
	KT_SNAPSHOT_ENDING,   /* right before ktest ends a generation */
	KT_SNAPSHOT_CAUSE_COUNT_,
};

enum kt_map_state {
	KT_MAP_WHOLE,	    /* all entries */
	KT_MAP_TRUNCATED,   /* the first KT_MAP_BYTES_MAX bytes of a larger map */
	KT_MAP_UNSUPPORTED, /* the map type has no readable values */
	KT_MAP_UNREADABLE,  /* the kernel refused to read the map */
	KT_MAP_STATE_COUNT_,
};
