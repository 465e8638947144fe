/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of maps; see bpf.h. Sources: kernel/bpf/arraymap.c, hashtab.c, bpf_local_storage.c,
 * ringbuf.c, arena.c. In a hash table the value, or the pointer to the per-CPU values, follows the
 * key at the next multiple of 8 bytes (htab_elem_value()).
 */
#include <string.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "monitor/facts/bpf-private.h"
#include "monitor/facts/task.h"

#define BUCKETS_MAX (1u << 20) /* of one map */
#define ARENA_GUARD 0x8000u    /* half of GUARD_SZ of arena.c: before byte 0 */

/* A map whose values are being read. */
struct job {
	struct kt_bpf_view *view;
	const struct kt_guest_map *map;
	struct kt_bpf_values *values;
	struct kt_diag *diag;
	uint32_t key_bytes, value_bytes; /* of one entry, one value */
	bool per_cpu;
};

void kt_bpf_values_deinit(struct kt_bpf_values *values)
{
	kt_buf_deinit(&values->data);
}

static uint64_t round_up8(uint64_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

/* Whether there is room for one more entry; else the map is truncated. */
static bool has_room(struct job *j)
{
	size_t entry = j->key_bytes + (size_t)j->value_bytes * j->values->values_per_key;

	if (kt_buf_has_room(&j->values->data, entry))
		return true;
	j->values->state = KT_MAP_TRUNCATED;
	return false;
}

/* Appends len bytes of the guest, and zeros up to `padded` bytes. */
static int append(struct job *j, uint64_t at, size_t len, size_t padded)
{
	struct kt_buf *data = &j->values->data;

	KT_TRY(kt_buf_reserve(data, padded));
	memset(data->data + data->len, 0, padded);
	KT_TRY(kt_read_bytes(kt_bpf_reader(j->view), at, data->data + data->len, len, j->diag));
	data->len += padded;
	return 0;
}

/* The values of one entry: at `at`, or on each CPU where the pointer there leads. */
static int append_values(struct job *j, uint64_t at)
{
	const struct kt_percpu *cpus = &j->view->sched->cpus;
	uint64_t pointer = 0;

	if (!j->per_cpu)
		return kt_forward(append(j, at, j->map->value_size, j->value_bytes));
	KT_TRY(kt_read_u64(kt_bpf_reader(j->view), at, &pointer, j->diag));
	for (unsigned int cpu = 0; cpu < cpus->count; cpu++) {
		uint64_t value = kt_percpu_pointer(cpus, pointer, cpu);
		KT_TRAIL(&kt_bpf_reader(j->view)->trail, "cpu %u", cpu);

		KT_TRY(append(j, value, cpus->possible[cpu] ? j->map->value_size : 0,
			      j->value_bytes));
	}
	return 0;
}

/* ---- arrays ---- */

static int read_array(struct job *j)
{
	uint64_t at = j->map->at + kt_bpf_offset(j->view, KT_ARRAY_VALUE);
	uint32_t step = sizeof(uint64_t);

	KT_TRY(kt_bpf_require(j->view, KT_BPF_ARRAYS, j->diag));
	if (!j->per_cpu)
		KT_TRY(kt_bpf_number32(j->view, j->map->at, KT_ARRAY_ELEM_SIZE, &step, j->diag));
	for (uint32_t i = 0; i < j->map->max_entries && has_room(j); i++) {
		KT_TRAIL(&kt_bpf_reader(j->view)->trail, "[%u]", i);

		KT_TRY(append_values(j, at + (uint64_t)i * step));
		j->values->entries++;
	}
	return 0;
}

/* ---- hash tables ---- */

static int read_element(struct job *j, uint64_t node)
{
	uint64_t key =
		node - kt_bpf_offset(j->view, KT_HTAB_NODE) + kt_bpf_offset(j->view, KT_HTAB_KEY);

	KT_TRY(append(j, key, j->map->key_size, j->key_bytes));
	KT_TRY(append_values(j, key + round_up8(j->map->key_size)));
	j->values->entries++;
	return 0;
}

/* A chain of nodes, from the bucket's pointer to the first; `ends`: the bit of the end, or 0. */
static int read_chain(struct job *j, uint64_t node, enum kt_bpf_place next, uint64_t ends,
		      int (*element)(struct job *j, uint64_t node))
{
	for (size_t i = 0; node && !(node & ends) && has_room(j); i++) {
		/* The size of the data bounds the chain, unless entries have no bytes. */
		if (i > KT_MAP_BYTES_MAX)
			return kt_fail(j->diag, KT_WALK_E_CYCLE, "%s: a chain does not end",
				       kt_bpf_reader(j->view)->trail.text);
		KT_TRY(element(j, node));
		KT_TRY(kt_bpf_number(j->view, node, next, &node, j->diag));
	}
	return 0;
}

static int read_buckets(struct job *j, uint64_t buckets, uint32_t count, uint32_t size,
			enum kt_bpf_place next, uint64_t ends,
			int (*element)(struct job *j, uint64_t node))
{
	if (!count || count > BUCKETS_MAX || !size)
		return kt_fail(j->diag, KT_WALK_E_BROKEN, "%s: no map has %u buckets",
			       kt_bpf_reader(j->view)->trail.text, count);
	for (uint32_t i = 0; i < count && j->values->state == KT_MAP_WHOLE; i++) {
		uint64_t first = 0;
		KT_TRAIL(&kt_bpf_reader(j->view)->trail, "bucket %u", i);

		KT_TRY(kt_read_u64(kt_bpf_reader(j->view), buckets + (uint64_t)i * size, &first,
				   j->diag));
		KT_TRY(read_chain(j, first, next, ends, element));
	}
	return 0;
}

static int read_hash(struct job *j)
{
	const struct kt_types *types = kt_bpf_reader(j->view)->types;
	uint64_t buckets = 0;
	uint32_t count = 0;
	__s64 size;

	KT_TRY(kt_bpf_require(j->view, KT_BPF_HASHES, j->diag));
	KT_TRY(kt_bpf_number(j->view, j->map->at, KT_HTAB_BUCKETS, &buckets, j->diag));
	KT_TRY(kt_bpf_number32(j->view, j->map->at, KT_HTAB_BUCKET_COUNT, &count, j->diag));
	/* The kernel has several structs called bucket: this is the one that the member points to. */
	size = btf__resolve_size(kt_types_btf(types),
				 kt_types_target(types, j->view->places[KT_HTAB_BUCKETS].type_id));
	return kt_forward(read_buckets(j, buckets, count,
				       size > 0 && size < KT_MAP_BYTES_MAX ? (uint32_t)size : 0,
				       KT_NULLS_NEXT, 1, read_element));
}

/* ---- local storage ---- */

/* The key: what people know the owner by. */
static int append_owner(struct job *j, uint64_t elem)
{
	enum kt_sched_place id = KT_TASK_PID;
	uint64_t storage = 0, owner = 0, key = 0;

	KT_TRY(kt_read_pointer(kt_bpf_reader(j->view), elem, &j->view->places[KT_SELEM_OWNER],
			       &storage, j->diag));
	KT_TRY(kt_read_pointer(kt_bpf_reader(j->view), storage, &j->view->places[KT_LOCAL_OWNER],
			       &owner, j->diag));
	if (j->map->type == BPF_MAP_TYPE_CGRP_STORAGE) {
		KT_TRY(kt_read_pointer(kt_bpf_reader(j->view), owner,
				       &j->view->sched->places[KT_CGROUP_NODE], &owner, j->diag));
		id = KT_NODE_ID;
	}
	KT_TRY(kt_read_number(kt_bpf_reader(j->view), owner, &j->view->sched->places[id], &key,
			      j->diag));
	return kt_forward(kt_buf_append_le(&j->values->data, (uint32_t)key, sizeof(uint32_t)));
}

static int read_selem(struct job *j, uint64_t node)
{
	uint64_t elem = node - kt_bpf_offset(j->view, KT_SELEM_NODE);

	KT_TRY(append_owner(j, elem));
	KT_TRY(append_values(j, elem + kt_bpf_offset(j->view, KT_SELEM_DATA) +
					kt_bpf_offset(j->view, KT_SDATA_DATA)));
	j->values->entries++;
	return 0;
}

static int read_storage(struct job *j)
{
	enum kt_sched_group owners =
		j->map->type == BPF_MAP_TYPE_CGRP_STORAGE ? KT_SCHED_CGROUPS : KT_SCHED_TASKS;
	uint64_t buckets = 0;
	uint32_t log = 0, size = 0;

	KT_TRY(kt_bpf_require(j->view, KT_BPF_STORAGES, j->diag));
	if (j->view->sched->lacks[owners][0] || j->key_bytes != sizeof(uint32_t))
		return kt_fail(j->diag, KT_BPF_E_LACKS, "the owners of '%s' cannot be told",
			       j->map->name);
	KT_TRY(kt_bpf_number(j->view, j->map->at, KT_STORAGE_BUCKETS, &buckets, j->diag));
	KT_TRY(kt_bpf_number32(j->view, j->map->at, KT_STORAGE_LOG, &log, j->diag));
	if (kt_types_size(kt_bpf_reader(j->view)->types, "bpf_local_storage_map_bucket", &size,
			  j->diag))
		return KT_BPF_E_LACKS;
	/* A bucket's list comes first in it, and a node's pointer to the next first in that. */
	return kt_forward(read_buckets(j, buckets + kt_bpf_offset(j->view, KT_BUCKET_LIST),
				       log < 21 ? 1u << log : 0, size, KT_NULLS_NEXT, 0,
				       read_selem));
}

/* ---- one value ---- */

static int read_struct_ops(struct job *j)
{
	KT_TRY(kt_bpf_require(j->view, KT_BPF_STRUCT_OPS, j->diag));
	if (has_room(j)) {
		KT_TRY(append_values(j, j->map->at + kt_bpf_offset(j->view, KT_OPS_VALUE)));
		j->values->entries++;
	}
	return 0;
}

static int check_sizes(struct job *j)
{
	if (j->map->value_size && j->map->value_size <= KT_MAP_BYTES_MAX &&
	    j->map->key_size <= KT_MAP_BYTES_MAX)
		return 0;
	return kt_fail(j->diag, KT_WALK_E_BROKEN,
		       "map '%s': no map has keys of %u, values of %u bytes", j->map->name,
		       j->map->key_size, j->map->value_size);
}

static bool has_values(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
	case BPF_MAP_TYPE_STRUCT_OPS:
		return true;
	default:
		return false;
	}
}

static int read_values(struct job *j)
{
	KT_TRAIL(&kt_bpf_reader(j->view)->trail, "map '%s'", j->map->name);

	if (!has_values(j->map->type))
		return kt_fail(j->diag, KT_BPF_E_TYPE, "map '%s' is of type %u", j->map->name,
			       j->map->type);
	KT_TRY(check_sizes(j));
	switch (j->map->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return kt_forward(read_array(j));
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
		return kt_forward(read_storage(j));
	case BPF_MAP_TYPE_STRUCT_OPS:
		return kt_forward(read_struct_ops(j));
	default:
		return kt_forward(read_hash(j));
	}
}

int kt_bpf_values_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
		       struct kt_bpf_values *ret_values, struct kt_diag *diag)
{
	struct kt_snapshot_map like = { .type = map->type,
					.key_size = map->key_size,
					.value_size = map->value_size };
	struct kt_bpf_values values = { .data = KT_BUF_INIT(KT_MAP_BYTES_MAX),
					.state = KT_MAP_WHOLE,
					.values_per_key = 1 };
	struct job j = { .view = view, .map = map, .values = &values, .diag = diag };
	int r;

	j.per_cpu = kt_snapshot_is_per_cpu(&like);
	if (j.per_cpu)
		like.values_per_key = values.values_per_key = view->sched->cpus.count;
	j.key_bytes = (uint32_t)kt_snapshot_key_bytes(&like);
	if (map->type == BPF_MAP_TYPE_STRUCT_OPS)
		j.key_bytes = 0;
	j.value_bytes = (uint32_t)kt_snapshot_value_bytes(&like);
	r = read_values(&j);
	if (r)
		kt_bpf_values_deinit(&values);
	else
		*ret_values = values;
	return kt_forward(r);
}

/* ---- ring buffers and arenas ---- */

int kt_bpf_ringbuf_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
			struct kt_bpf_ringbuf *ret_ring, struct kt_diag *diag)
{
	struct kt_bpf_ringbuf ring = { .size_bytes = 0 };
	uint64_t at = 0;
	KT_TRAIL(&kt_bpf_reader(view)->trail, "map '%s'", map->name);

	KT_TRY(kt_bpf_require(view, KT_BPF_RINGBUFS, diag));
	KT_TRY(kt_read_pointer(kt_bpf_reader(view), map->at, &view->places[KT_RING_MAP_RB], &at,
			       diag));
	KT_TRY(kt_bpf_number(view, at, KT_RING_MASK, &ring.size_bytes, diag));
	KT_TRY(kt_bpf_number(view, at, KT_RING_CONSUMER, &ring.consumer, diag));
	KT_TRY(kt_bpf_number(view, at, KT_RING_PRODUCER, &ring.producer, diag));
	ring.size_bytes++;
	*ret_ring = ring;
	return 0;
}

int kt_bpf_arena_read(struct kt_bpf_view *view, const struct kt_guest_map *map,
		      struct kt_bpf_arena *ret_arena, struct kt_diag *diag)
{
	struct kt_bpf_arena arena = { .kernel = 0 };
	uint64_t vm = 0;
	KT_TRAIL(&kt_bpf_reader(view)->trail, "map '%s'", map->name);

	KT_TRY(kt_bpf_require(view, KT_BPF_ARENAS, diag));
	KT_TRY(kt_bpf_number(view, map->at, KT_ARENA_START, &arena.user_start, diag));
	KT_TRY(kt_bpf_number(view, map->at, KT_ARENA_END, &arena.user_end, diag));
	KT_TRY(kt_read_pointer(kt_bpf_reader(view), map->at, &view->places[KT_ARENA_VM], &vm,
			       diag));
	KT_TRY(kt_bpf_number(view, vm, KT_VM_ADDR, &arena.kernel, diag));
	arena.kernel += ARENA_GUARD;
	*ret_arena = arena;
	return 0;
}

int kt_bpf_arena_bytes(struct kt_bpf_view *view, const struct kt_bpf_arena *arena, uint64_t at,
		       void *buf, size_t len, struct kt_diag *diag)
{
	KT_TRAIL(&kt_bpf_reader(view)->trail, "arena %#llx", (unsigned long long)at);

	if (at < arena->user_start || at > arena->user_end || len > arena->user_end - at)
		return kt_fail(diag, KT_READER_E_MEMORY, "%s: outside of the arena",
			       kt_bpf_reader(view)->trail.text);
	/* Pointers into an arena are 32 bits wide in the kernel. */
	return kt_forward(
		kt_read_bytes(kt_bpf_reader(view), arena->kernel + (uint32_t)at, buf, len, diag));
}
