/* SPDX-License-Identifier: GPL-2.0-only */
/* Assembly of BPF-map snapshots; see snapshots.h. */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "monitor/snapshots-private.h"

/* Periodic ones, and two for each generation. */
#define STORE_MAX (KT_SNAPSHOTS_MAX + 2 * KT_GENERATIONS_MAX)

int kt_snapshots_new(struct kt_snapshots **ret_store)
{
	struct kt_snapshots *store = calloc(1, sizeof(*store));

	if (!store)
		return kt_raise(-ENOMEM);
	libbpf_set_print(NULL); /* what it thinks of a guest's BTF is for nobody */
	*ret_store = store;
	return 0;
}

static void free_snapshot(struct kt_snapshot *s)
{
	for (unsigned int i = 0; i < s->map_count; i++)
		free((void *)s->maps[i].info.data.data);
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
	kt_diag_doing(diag, "take in a snapshot");
	kt_diag_cause(diag, "%s", what);
	return KT_SNAPSHOTS_E_PROTOCOL;
}

static int add_btf(struct kt_snapshots *store, const struct kt_msg_btf *msg, struct kt_diag *diag)
{
	struct kt_btf_entry *btfs;

	if (store->btf_count >= KT_BTFS_MAX || msg->data.len > KT_BTF_BYTES_MAX)
		return protocol(diag, "more or larger BTF objects than the limit");
	btfs = reallocarray(store->btfs, store->btf_count + 1, sizeof(*btfs));
	if (!btfs)
		return kt_raise(-ENOMEM);
	store->btfs = btfs;
	/* libbpf checks every type of it; what does not parse leaves its maps untyped. */
	btfs[store->btf_count++] = (struct kt_btf_entry){
		.id = msg->btf_id,
		.btf = msg->data.len ? btf__new(msg->data.data, msg->data.len) : NULL,
	};
	return 0;
}

static const struct btf *find_btf(const struct kt_snapshots *store, uint32_t id)
{
	for (size_t i = 0; id && i < store->btf_count; i++)
		if (store->btfs[i].id == id)
			return store->btfs[i].btf;
	return NULL;
}

static int begin(struct kt_snapshots *store, const struct kt_msg_snapshot *msg,
		 struct kt_diag *diag)
{
	struct kt_snapshot *list;
	size_t cap;

	if (msg->snapshot != store->count)
		return protocol(diag, "snapshot number out of order");
	if (store->count && !store->list[store->count - 1].complete)
		return protocol(diag, "snapshot begins before the last one ended");
	if (store->count >= STORE_MAX || msg->cause >= KT_SNAPSHOT_CAUSE_COUNT_)
		return protocol(diag, "more snapshots than the limit, or of an unknown cause");
	if (store->count == store->cap) {
		cap = store->cap ? 2 * store->cap : 16;
		list = reallocarray(store->list, cap, sizeof(*list));
		if (!list)
			return kt_raise(-ENOMEM);
		store->list = list;
		store->cap = cap;
	}
	store->list[store->count++] = (struct kt_snapshot){ .info = *msg };
	return 0;
}

/* The snapshot that is being received, if it is number `number`. */
static struct kt_snapshot *current(struct kt_snapshots *store, uint32_t number)
{
	struct kt_snapshot *s = store->count ? &store->list[store->count - 1] : NULL;

	return s && !s->complete && s->info.snapshot == number ? s : NULL;
}

/* Bytes of one entry as msg.h lays it out; 0 if the fields make no sense. */
static size_t entry_size(const struct kt_msg_map *m)
{
	size_t value = m->value_size;

	if (!m->values_per_key || m->values_per_key > 8192 || m->value_size > KT_MAP_BYTES_MAX ||
	    m->key_size > KT_MAP_BYTES_MAX)
		return 0;
	if (m->values_per_key > 1)
		value = (value + 7) / 8 * 8;
	return value * m->values_per_key + kt_map_key_bytes(m);
}

/* Readers go by the sizes, and so by what was compared with the bytes that there are. */
static bool has_its_bytes(const struct kt_msg_map *m)
{
	size_t size = entry_size(m);

	/* A product may wrap around. */
	return m->entries ? size && m->data.len / size == m->entries && m->data.len % size == 0 :
			    !m->data.len;
}

static int add_map(struct kt_snapshots *store, const struct kt_msg_map *msg, struct kt_diag *diag)
{
	struct kt_snapshot *s = current(store, msg->snapshot);
	_cleanup_(kt_freep) void *data = NULL;
	struct kt_snapshot_map *maps;

	if (!s)
		return protocol(diag, "map outside its snapshot");
	if (s->map_count >= KT_SNAPSHOT_MAPS_MAX || msg->data.len > KT_MAP_BYTES_MAX ||
	    s->bytes + msg->data.len > KT_SNAPSHOT_BYTES_MAX ||
	    store->bytes + msg->data.len > KT_RUN_MAPS_BYTES_MAX)
		return protocol(diag, "more or larger maps than the limit");
	if (msg->state >= KT_MAP_STATE_COUNT_ || !has_its_bytes(msg))
		return protocol(diag, "map data does not match its sizes");
	data = malloc(msg->data.len + 1);
	maps = reallocarray(s->maps, s->map_count + 1, sizeof(*maps));
	if (maps)
		s->maps = maps;
	if (!data || !maps)
		return kt_raise(-ENOMEM);
	if (msg->data.len)
		memcpy(data, msg->data.data, msg->data.len);
	maps[s->map_count] =
		(struct kt_snapshot_map){ .info = *msg, .btf = find_btf(store, msg->btf_id) };
	maps[s->map_count++].info.data.data = kt_steal_ptr(data);
	s->bytes += msg->data.len;
	store->bytes += msg->data.len;
	return 0;
}

static int end(struct kt_snapshots *store, const struct kt_msg_snapshot_end *msg,
	       struct kt_diag *diag)
{
	struct kt_snapshot *s = current(store, msg->snapshot);

	if (!s || msg->maps != s->map_count)
		return protocol(diag, "snapshot end without its snapshot or with maps missing");
	s->complete = true;
	s->valid = msg->valid;
	return 0;
}

int kt_snapshots_add(struct kt_snapshots *store, const struct kt_msg *msg, struct kt_diag *diag)
{
	switch (msg->type) {
	case KT_MSG_BTF:
		return kt_forward(add_btf(store, &msg->btf, diag));
	case KT_MSG_SNAPSHOT:
		return kt_forward(begin(store, &msg->snapshot, diag));
	case KT_MSG_MAP:
		return kt_forward(add_map(store, &msg->map, diag));
	case KT_MSG_SNAPSHOT_END:
		return kt_forward(end(store, &msg->snapshot_end, diag));
	}
	return kt_raise(-EINVAL);
}

const struct kt_snapshot *kt_snapshots_list(const struct kt_snapshots *store, size_t *ret_count)
{
	*ret_count = store->count;
	return store->list;
}
