/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of snapshots; see snapshots.h. Every size that readers use is checked here against
 * the length of the data; the meaning of the data is left to typed.c and bpfpath.c.
 */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "monitor/snapshots-private.h"

/* Periodic snapshots, and two per generation. */
#define STORE_MAX (KT_SNAPSHOTS_MAX + 2 * KT_GENERATIONS_MAX)

int kt_snapshots_new(struct kt_snapshots **ret_store)
{
	struct kt_snapshots *store = calloc(1, sizeof(*store));

	if (!store)
		return kt_raise(-ENOMEM);
	libbpf_set_print(NULL); /* stops libbpf from printing about a guest's BTF */
	*ret_store = store;
	return 0;
}

static void free_snapshot(struct kt_snapshot *s)
{
	for (unsigned int i = 0; i < s->map_count; i++)
		free((void *)s->maps[i].data);
	free(s->maps);
}

struct kt_snapshots *kt_snapshots_free(struct kt_snapshots *store)
{
	if (!store)
		return NULL;
	for (size_t i = 0; i < store->count; i++)
		free_snapshot(&store->list[i]);
	for (size_t i = 0; i < store->btf_count; i++)
		btf__free(store->btfs[i].btf);
	free(store->list);
	free(store->btfs);
	free(store);
	return NULL;
}

static int protocol(struct kt_diag *diag, const char *what)
{
	kt_diag_doing(diag, "store a snapshot");
	return kt_fail(diag, KT_SNAPSHOTS_E_PROTOCOL, "%s", what);
}

int kt_snapshots_add_btf(struct kt_snapshots *store, uint32_t id, const void *data, size_t len,
			 struct kt_diag *diag)
{
	if (store->btf_count >= KT_BTFS_MAX || len > KT_BTF_BYTES_MAX)
		return protocol(diag, "more or larger BTF objects than the limit");
	KT_TRY(kt_array_append(store->btfs, store->btf_count, (struct kt_btf_entry){ .id = id }));
	/* libbpf checks every type; BTF that does not parse leaves its maps untyped. */
	if (len)
		store->btfs[store->btf_count - 1].btf = btf__new(data, (uint32_t)len);
	return 0;
}

static const struct btf *find_btf(const struct kt_snapshots *store, uint32_t id)
{
	for (size_t i = 0; id && i < store->btf_count; i++)
		if (store->btfs[i].id == id)
			return store->btfs[i].btf;
	return NULL;
}

bool kt_snapshots_has_btf(const struct kt_snapshots *store, uint32_t id)
{
	for (size_t i = 0; i < store->btf_count; i++)
		if (store->btfs[i].id == id)
			return true;
	return false;
}

static struct kt_snapshot *current(const struct kt_snapshots *store)
{
	struct kt_snapshot *s = store->count ? &store->list[store->count - 1] : NULL;

	return s && !s->complete ? s : NULL;
}

const struct kt_snapshot *kt_snapshots_current(const struct kt_snapshots *store)
{
	return current(store);
}

int kt_snapshots_begin(struct kt_snapshots *store, const struct kt_snapshot *head,
		       struct kt_diag *diag)
{
	const struct kt_snapshot s = { .number = (uint32_t)store->count,
				       .cause = head->cause,
				       .generation = head->generation,
				       .step = head->step,
				       .time_ns = head->time_ns };

	if (current(store))
		return protocol(diag, "snapshot begins before the last one ended");
	if (store->count >= STORE_MAX || head->cause >= KT_SNAPSHOT_CAUSE_COUNT_)
		return protocol(diag, "more snapshots than the limit, or of an unknown cause");
	return kt_array_append(store->list, store->count, s);
}

bool kt_snapshot_is_per_cpu(const struct kt_snapshot_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

size_t kt_snapshot_key_bytes(const struct kt_snapshot_map *map)
{
	bool is_array = map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	return is_array ? 0 : map->key_size;
}

size_t kt_snapshot_value_bytes(const struct kt_snapshot_map *map)
{
	size_t value = map->value_size;

	return map->values_per_key > 1 ? (value + 7) / 8 * 8 : value;
}

/* Bytes of one entry; 0: inconsistent fields. */
static size_t entry_size(const struct kt_snapshot_map *m)
{
	if (!m->values_per_key || m->values_per_key > 8192 || m->value_size > KT_MAP_BYTES_MAX ||
	    m->key_size > KT_MAP_BYTES_MAX)
		return 0;
	return kt_snapshot_value_bytes(m) * m->values_per_key + kt_snapshot_key_bytes(m);
}

/* Whether entries and sizes match the length of the data. Readers rely on it. */
static bool has_its_bytes(const struct kt_snapshot_map *m)
{
	size_t size = entry_size(m);

	/* A division, because a product may overflow. */
	return m->entries ? size && m->len / size == m->entries && m->len % size == 0 : !m->len;
}

static int check_map(const struct kt_snapshots *store, const struct kt_snapshot *s,
		     const struct kt_snapshot_map *map, struct kt_diag *diag)
{
	if (!s)
		return protocol(diag, "map outside its snapshot");
	if (s->map_count >= KT_SNAPSHOT_MAPS_MAX || map->len > KT_MAP_BYTES_MAX ||
	    s->bytes + map->len > KT_SNAPSHOT_BYTES_MAX ||
	    store->bytes + map->len > KT_RUN_MAPS_BYTES_MAX)
		return protocol(diag, "more or larger maps than the limit");
	if (map->state >= KT_MAP_STATE_COUNT_ || !has_its_bytes(map))
		return protocol(diag, "map data does not match its sizes");
	return 0;
}

int kt_snapshots_add_map(struct kt_snapshots *store, const struct kt_snapshot_map *map,
			 uint32_t btf_id, struct kt_diag *diag)
{
	struct kt_snapshot *s = current(store);
	_cleanup_(kt_freep) uint8_t *data = NULL;
	struct kt_snapshot_map copy = *map;

	KT_TRY(check_map(store, s, map, diag));
	data = malloc(map->len + 1);
	if (!data)
		return kt_raise(-ENOMEM);
	if (map->len)
		memcpy(data, map->data, map->len);
	copy.data = data;
	copy.btf = find_btf(store, btf_id);
	KT_TRY(kt_array_append(s->maps, s->map_count, copy));
	data = NULL;
	s->bytes += map->len;
	store->bytes += map->len;
	return 0;
}

int kt_snapshots_end(struct kt_snapshots *store, bool valid, struct kt_diag *diag)
{
	struct kt_snapshot *s = current(store);

	if (!s)
		return protocol(diag, "snapshot end without its snapshot");
	s->complete = true;
	s->valid = valid;
	return 0;
}

const struct kt_snapshot *kt_snapshots_list(const struct kt_snapshots *store, size_t *ret_count)
{
	*ret_count = store->count;
	return store->list;
}
