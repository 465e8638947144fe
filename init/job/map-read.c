/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads values of BPF maps; see map-read.h. An array is read in one batch, with one system call
 * instead of one per element. A hash map is walked by key; it may change meanwhile, so that
 * max_entries bounds the walk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "init/job/map-read.h"

enum shape { SHAPE_NONE, SHAPE_ARRAY, SHAPE_HASH };

static enum shape shape_of(uint32_t type, bool *ret_per_cpu)
{
	*ret_per_cpu = false;
	switch (type) {
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		*ret_per_cpu = true;
		return SHAPE_ARRAY;
	case BPF_MAP_TYPE_ARRAY:
		return SHAPE_ARRAY;
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		*ret_per_cpu = true;
		return SHAPE_HASH;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		return SHAPE_HASH;
	default:
		return SHAPE_NONE;
	}
}

static int read_one_by_one(uint8_t *data, int fd, uint32_t entries, size_t value_bytes)
{
	for (uint32_t i = 0; i < entries; i++)
		if (bpf_map_lookup_elem(fd, &i, data + i * value_bytes))
			return -errno;
	return 0;
}

static int read_batch(uint8_t *data, int fd, uint32_t entries)
{
	_cleanup_(kt_freep) uint32_t *keys = calloc(entries, sizeof(*keys));
	uint32_t count = entries, next;

	if (!keys)
		return -ENOMEM;
	/* ENOENT: the batch reached the end of the map. */
	if (bpf_map_lookup_batch(fd, NULL, &next, keys, data, &count, NULL) && errno != ENOENT)
		return -errno;
	return count == entries ? 0 : -EIO;
}

static int read_array(struct kt_map_values *v, struct kt_buf *out, int fd,
		      const struct bpf_map_info *info, size_t value_bytes, size_t max)
{
	uint32_t entries = (uint32_t)KT_MIN((size_t)info->max_entries, max / value_bytes);
	int r;

	if (entries < info->max_entries)
		v->state = KT_MAP_TRUNCATED;
	if (!entries)
		return 0;
	KT_TRY(kt_buf_reserve(out, entries * value_bytes));
	r = entries > 1 ? read_batch(out->data + out->len, fd, entries) : -EOPNOTSUPP;
	if (r)
		r = read_one_by_one(out->data + out->len, fd, entries, value_bytes);
	if (r) {
		v->state = KT_MAP_UNREADABLE;
		return 0;
	}
	out->len += entries * value_bytes;
	v->entries = entries;
	return 0;
}

static int read_hash(struct kt_map_values *v, struct kt_buf *out, int fd,
		     const struct bpf_map_info *info, size_t value_bytes, size_t max)
{
	_cleanup_(kt_freep) uint8_t *prev = malloc(info->key_size);
	size_t entry_bytes = info->key_size + value_bytes, start = out->len;
	uint8_t *entry;

	if (!prev)
		return kt_raise(-ENOMEM);
	for (uint32_t i = 0; i < info->max_entries; i++) {
		if (out->len - start + entry_bytes > max) {
			v->state = KT_MAP_TRUNCATED;
			break;
		}
		KT_TRY(kt_buf_reserve(out, entry_bytes));
		entry = out->data + out->len;
		if (bpf_map_get_next_key(fd, i ? prev : NULL, entry)) {
			if (errno != ENOENT)
				v->state = KT_MAP_UNREADABLE;
			break;
		}
		memcpy(prev, entry, info->key_size);
		/* An entry may be deleted between the two calls. */
		if (bpf_map_lookup_elem(fd, prev, entry + info->key_size)) {
			if (errno == ENOENT)
				continue;
			v->state = KT_MAP_UNREADABLE;
			break;
		}
		out->len += entry_bytes;
		v->entries++;
	}
	return 0;
}

int kt_map_read(struct kt_map_values *ret_values, struct kt_buf *out, int fd,
		const struct bpf_map_info *info, unsigned int cpus, size_t max)
{
	struct kt_map_values v = { .state = KT_MAP_WHOLE, .values_per_key = 1 };
	size_t start = out->len, value_bytes = info->value_size;
	bool per_cpu;
	enum shape shape = shape_of(info->type, &per_cpu);
	int r = 0;

	if (per_cpu) {
		value_bytes = (value_bytes + 7) / 8 * 8 * cpus;
		v.values_per_key = cpus;
	}
	if (shape == SHAPE_NONE || !value_bytes)
		v.state = KT_MAP_UNSUPPORTED;
	else if (shape == SHAPE_ARRAY)
		r = read_array(&v, out, fd, info, value_bytes, max);
	else
		r = read_hash(&v, out, fd, info, value_bytes, max);
	if (r)
		return kt_forward(r);
	if (v.state == KT_MAP_UNREADABLE) {
		out->len = start;
		v.entries = 0;
	}
	*ret_values = v;
	return 0;
}
