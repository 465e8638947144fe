/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BPF of a running kernel: the live scheduler's struct_ops map, its programs and the maps that
 * they use, and the maps' values, in the layout of proto/snapshot.h. kt_bpf_snapshot() adds all
 * of it to a store of snapshots, which gives values by name (monitor/bpfpath.h) and typed views.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "monitor/facts/sched.h"
#include "monitor/snapshots.h"

/* Besides those of enum kt_reader_condition and enum kt_walk_condition; with diag. */
enum kt_bpf_condition {
	KT_BPF_E_LACKS = KT_CONDITION(BPF), /* the kernel's BTF lacks the group */
	KT_BPF_E_NONE,			    /* no sched_ext scheduler of BPF is live */
	KT_BPF_E_TYPE,			    /* maps of this type have no values that can be read */
};

enum kt_bpf_group {
	KT_BPF_MAPS,
	KT_BPF_PROGS,
	KT_BPF_STRUCT_OPS,
	KT_BPF_ARRAYS,
	KT_BPF_HASHES,
	KT_BPF_STORAGES,
	KT_BPF_RINGBUFS,
	KT_BPF_ARENAS,
	KT_BPF_GROUPS_,
};

/* clang-format off */
enum kt_bpf_place {
	/* KT_BPF_MAPS */
	KT_MAP_TYPE, KT_MAP_KEY_SIZE, KT_MAP_VALUE_SIZE, KT_MAP_MAX_ENTRIES, KT_MAP_FLAGS, KT_MAP_ID,
	KT_MAP_VALUE_TYPE, KT_MAP_BTF, KT_MAP_NAME, KT_BTF_DATA, KT_BTF_SIZE, KT_BTF_ID,
	/* KT_BPF_PROGS */
	KT_PROG_TYPE, KT_PROG_AUX, KT_AUX_ID, KT_AUX_NAME, KT_AUX_MAPS, KT_AUX_MAP_COUNT,
	/* KT_BPF_STRUCT_OPS */
	KT_OPS_LINKS, KT_OPS_LINK_COUNT, KT_OPS_VALUE, KT_OPS_DATA, KT_LINK_PROG,
	/* KT_BPF_ARRAYS */
	KT_ARRAY_ELEM_SIZE, KT_ARRAY_VALUE,
	/* KT_BPF_HASHES */
	KT_HTAB_BUCKETS, KT_HTAB_BUCKET_COUNT, KT_HTAB_NODE, KT_HTAB_KEY, KT_NULLS_NEXT,
	/* KT_BPF_STORAGES */
	KT_STORAGE_BUCKETS, KT_STORAGE_LOG, KT_BUCKET_LIST, KT_SELEM_NODE, KT_SELEM_OWNER,
	KT_SELEM_DATA, KT_SDATA_DATA, KT_LOCAL_OWNER,
	/* KT_BPF_RINGBUFS */
	KT_RING_MAP_RB, KT_RING_MASK, KT_RING_CONSUMER, KT_RING_PRODUCER,
	/* KT_BPF_ARENAS */
	KT_ARENA_START, KT_ARENA_END, KT_ARENA_VM, KT_VM_ADDR,
	KT_BPF_PLACES_,
};
/* clang-format on */

/* How BPF of one kernel is read; made once per kernel. */
struct kt_bpf_view {
	struct kt_sched_view *sched; /* borrowed */
	struct kt_place places[KT_BPF_PLACES_];
	char lacks[KT_BPF_GROUPS_][KT_LACKS_MAX];
};

void kt_bpf_init(struct kt_bpf_view *view, struct kt_sched_view *sched);

struct kt_guest_map {
	uint64_t at;		  /* address of its struct bpf_map */
	uint32_t id, type, flags; /* enum bpf_map_type, BPF_F_...: include/uapi/linux/bpf.h */
	uint32_t key_size, value_size, max_entries;
	uint32_t value_type_id; /* in its BTF */
	uint64_t btf;		/* address of its struct btf; 0: none */
	char name[16 + 1];
};

int kt_bpf_map_read(struct kt_bpf_view *view, uint64_t at, struct kt_guest_map *ret_map,
		    struct kt_diag *diag) _kt_must_check_;

struct kt_guest_prog {
	uint64_t at, aux; /* addresses of its struct bpf_prog and bpf_prog_aux */
	uint32_t id, type;
	char name[16 + 1];
	uint64_t maps; /* address of an array of map_count pointers to maps */
	uint32_t map_count;
};

int kt_bpf_prog_read(struct kt_bpf_view *view, uint64_t at, struct kt_guest_prog *ret_prog,
		     struct kt_diag *diag) _kt_must_check_;

#define KT_BPF_OBJECTS_MAX 65536 /* maps of a kernel; also programs */

/* All maps of the kernel, and all programs: walks over kt_array_next(), whose entries they are. */
int kt_bpf_maps_begin(struct kt_array *ret_array, struct kt_bpf_view *view,
		      struct kt_diag *diag) _kt_must_check_;
int kt_bpf_progs_begin(struct kt_array *ret_array, struct kt_bpf_view *view,
		       struct kt_diag *diag) _kt_must_check_;

/* ---- the live scheduler ---- */

#define KT_BPF_PROGS_MAX 128 /* programs of one scheduler */

struct kt_bpf_scheduler {
	struct kt_guest_map ops;		      /* its struct_ops map */
	struct kt_guest_prog progs[KT_BPF_PROGS_MAX]; /* of its ops, in their order */
	size_t prog_count;
	uint64_t maps[KT_SNAPSHOT_MAPS_MAX]; /* addresses of the maps that these use, each once */
	size_t map_count;
};

/*
 * The scheduler that the kernel runs: the struct_ops map whose functions are those of the kernel's
 * own copy of the ops. object: as in kt_ext_read(). KT_BPF_E_NONE.
 */
int kt_bpf_scheduler_read(struct kt_bpf_view *view, uint64_t object,
			  struct kt_bpf_scheduler *ret_scheduler,
			  struct kt_diag *diag) _kt_must_check_;

/* ---- values ---- */

struct kt_bpf_values {
	struct kt_buf data; /* layout of proto/snapshot.h; owned */
	uint32_t entries, values_per_key;
	uint32_t state; /* enum kt_map_state */
};

void kt_bpf_values_deinit(struct kt_bpf_values *values);

/*
 * All values of a map: arrays, hash tables and LRU, and their per-CPU forms; task and cgroup
 * storage, whose key is then the task's pid or the low half of the cgroup's id; struct_ops. At most
 * KT_MAP_BYTES_MAX bytes (KT_MAP_TRUNCATED). KT_BPF_E_TYPE for others.
 */
int kt_bpf_values_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
		       struct kt_bpf_values *ret_values, struct kt_diag *diag) _kt_must_check_;

struct kt_bpf_ringbuf {
	uint64_t size_bytes, consumer, producer; /* positions since its start, bytes */
};

int kt_bpf_ringbuf_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
			struct kt_bpf_ringbuf *ret_ring, struct kt_diag *diag) _kt_must_check_;

/* Addresses of an arena, as programs of user space see them, and where the kernel has its byte 0. */
struct kt_bpf_arena {
	uint64_t user_start, user_end, kernel;
};

int kt_bpf_arena_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
		      struct kt_bpf_arena *ret_arena, struct kt_diag *diag) _kt_must_check_;
/*
 * Reads len bytes at an address of user space in the arena. KT_READER_E_MEMORY: outside, or a page
 * that was never allocated.
 */
int kt_bpf_arena_bytes(struct kt_bpf_view *view, const struct kt_bpf_arena *arena, uint64_t at,
		       void *buf, size_t len, struct kt_diag *diag) _kt_must_check_;

/* ---- all of it ---- */

/*
 * Appends the bytes of a map's BTF. KT_READER_E_MEMORY: there are more than KT_BTF_BYTES_MAX, or
 * they cannot be read.
 */
int kt_bpf_btf_read(struct kt_bpf_view *view, uint64_t btf, struct kt_buf *out, uint32_t *ret_id,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Adds the maps of the scheduler to the store as one snapshot, begun and ended here; head as in
 * kt_snapshots_begin(). A map that cannot be read has the state KT_MAP_UNREADABLE or
 * KT_MAP_UNSUPPORTED and no entries. Conditions of the store.
 */
int kt_bpf_snapshot(struct kt_bpf_view *view, const struct kt_bpf_scheduler *scheduler,
		    struct kt_snapshots *store, const struct kt_snapshot *head,
		    struct kt_diag *diag) _kt_must_check_;
