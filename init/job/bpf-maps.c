/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the attached scheduler's maps; see bpf-maps.h.
 *
 * Element 0 of a struct_ops map is the table that user space wrote, with a program id in place of
 * each function pointer (bpf_struct_ops_map_sys_lookup_elem() in kernel/bpf/bpf_struct_ops.c,
 * since Linux 5.6). The kernel's BTF gives the offsets of the members. Reading the maps is left to
 * map-read.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "init/job/bpf-maps.h"

#define VALUE_TYPE    "bpf_struct_ops_sched_ext_ops" /* the map's value: state, then the ops */
#define VALUE_MAX     (64u << 10)
#define PROG_MAPS_MAX 256

/* Values of enum bpf_struct_ops_state, in the first bytes of the value after a refcount. */
#define STATE_INUSE 1

/* Offsets in the value of a sched_ext struct_ops map, bytes. */
static struct layout {
	bool known;
	uint32_t type_id; /* VALUE_TYPE, in the kernel's BTF */
	uint32_t state;
	uint32_t name;
	uint32_t name_size;
	uint32_t func[256];
	size_t funcs;
} layout;

void kt_bpf_maps_deinit(struct kt_bpf_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		kt_closep(&maps->maps[i].fd);
	maps->count = 0;
}

/* ---- layout ---- */

static void freep_btf(struct btf **btf)
{
	btf__free(*btf);
}

static bool is_func_pointer(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t);
}

static void read_ops(struct layout *l, const struct btf *btf, const struct btf_type *ops,
		     uint32_t base)
{
	const struct btf_member *m = btf_members(ops);

	for (uint16_t i = 0; i < btf_vlen(ops); i++, m++) {
		uint32_t at = base + btf_member_bit_offset(ops, i) / 8;
		const struct btf_type *t = btf__type_by_id(btf, m->type);

		if (is_func_pointer(btf, m->type) && l->funcs < KT_ARRAY_SIZE(l->func))
			l->func[l->funcs++] = at;
		if (t && btf_is_array(t) &&
		    !strcmp(btf__name_by_offset(btf, m->name_off), "name")) {
			l->name = at;
			l->name_size = btf_array(t)->nelems;
		}
	}
}

/* struct bpf_struct_ops_X { struct bpf_struct_ops_common_value common; struct X data; } */
static int read_value(struct layout *l, const struct btf *btf)
{
	const struct btf_type *value = btf__type_by_id(btf, l->type_id);
	const struct btf_member *m;

	if (!value || btf_vlen(value) < 2)
		return kt_raise(-EINVAL);
	m = btf_members(value);
	for (uint16_t i = 0; i < btf_vlen(value); i++) {
		const char *name = btf__name_by_offset(btf, m[i].name_off);
		uint32_t at = btf_member_bit_offset(value, i) / 8;
		const struct btf_type *t = btf__type_by_id(btf, m[i].type);

		if (!strcmp(name, "data"))
			read_ops(l, btf, t, at);
		else if (!strcmp(name, "common") && btf_is_struct(t) && btf_vlen(t) == 2)
			l->state = at + btf_member_bit_offset(t, 1) / 8;
	}
	l->known = l->funcs && l->name_size;
	return l->known ? 0 : kt_raise(-EINVAL);
}

int kt_bpf_maps_init(void)
{
	_cleanup_(freep_btf) struct btf *btf = NULL;
	int id;

	if (layout.known)
		return 0;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return kt_raise(-errno);
	id = btf__find_by_name_kind(btf, VALUE_TYPE, BTF_KIND_STRUCT);
	if (id < 0)
		return errno == ENOENT ? 0 : kt_raise(-errno);
	layout.type_id = (uint32_t)id;
	return kt_forward(read_value(&layout, btf));
}

/* ---- from the ops to the maps ---- */

static int add_map(struct kt_bpf_maps *maps, uint32_t id)
{
	size_t at = 0;
	int fd;

	while (at < maps->count && maps->maps[at].id < id)
		at++;
	if ((at < maps->count && maps->maps[at].id == id) || maps->count == KT_SNAPSHOT_MAPS_MAX)
		return 0;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT ? 0 : kt_raise(-errno);
	memmove(&maps->maps[at + 1], &maps->maps[at], (maps->count - at) * sizeof(maps->maps[0]));
	maps->maps[at] = (struct kt_bpf_map){ id, fd };
	maps->count++;
	return 0;
}

static int add_maps_of_prog(struct kt_bpf_maps *maps, uint32_t prog_id)
{
	_cleanup_(kt_closep) int fd = bpf_prog_get_fd_by_id(prog_id);
	uint32_t ids[PROG_MAPS_MAX];
	struct bpf_prog_info info = { .nr_map_ids = PROG_MAPS_MAX,
				      .map_ids = (uint64_t)(uintptr_t)ids };
	uint32_t len = sizeof(info);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : kt_raise(-errno);
	r = bpf_prog_get_info_by_fd(fd, &info, &len);
	for (uint32_t i = 0; !r && i < KT_MIN(info.nr_map_ids, (uint32_t)PROG_MAPS_MAX); i++)
		r = add_map(maps, ids[i]);
	return r ? kt_raise(r) : 0;
}

/* Reads the value of a map; false: map_fd is no struct_ops map of sched_ext ops `ops_name`. */
static bool read_ops_value(int map_fd, const char *ops_name, uint8_t *value)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;

	if (bpf_map_get_info_by_fd(map_fd, &info, &len) || info.type != BPF_MAP_TYPE_STRUCT_OPS ||
	    info.btf_vmlinux_value_type_id != layout.type_id || info.value_size > VALUE_MAX)
		return false;
	memset(value, 0, VALUE_MAX);
	return !bpf_map_lookup_elem(map_fd, &zero, value) &&
	       !strncmp((const char *)value + layout.name, ops_name, layout.name_size);
}

static uint32_t u32_at(const uint8_t *value, uint32_t at)
{
	uint32_t v = 0;

	if (at <= VALUE_MAX - sizeof(v))
		memcpy(&v, value + at, sizeof(v));
	return v;
}

static int add_maps_of_ops(struct kt_bpf_maps *maps, const uint8_t *value)
{
	int r = 0;

	for (size_t i = 0; !r && i < layout.funcs; i++) {
		uint32_t prog_id = u32_at(value, layout.func[i]);

		if (prog_id)
			r = add_maps_of_prog(maps, prog_id);
	}
	return kt_forward(r);
}

/* Opens the struct_ops map of a link. -1: a link of another type, or an error. */
static int open_map_of_link(uint32_t link_id)
{
	_cleanup_(kt_closep) int fd = bpf_link_get_fd_by_id(link_id);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_link_get_info_by_fd(fd, &info, &len) ||
	    info.type != BPF_LINK_TYPE_STRUCT_OPS || !info.struct_ops.map_id)
		return -1;
	return bpf_map_get_fd_by_id(info.struct_ops.map_id);
}

static int find_by_links(struct kt_bpf_maps *maps, const char *ops_name, uint8_t *value)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		_cleanup_(kt_closep) int map_fd = open_map_of_link(id);

		if (map_fd >= 0 && read_ops_value(map_fd, ops_name, value))
			return kt_forward(add_maps_of_ops(maps, value));
	}
	return KT_BPF_MAPS_E_NONE;
}

/* Ops that were registered without a link have state INUSE. */
static int find_by_state(struct kt_bpf_maps *maps, const char *ops_name, uint8_t *value)
{
	uint32_t id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		_cleanup_(kt_closep) int map_fd = bpf_map_get_fd_by_id(id);

		if (map_fd >= 0 && read_ops_value(map_fd, ops_name, value) &&
		    u32_at(value, layout.state) == STATE_INUSE)
			return kt_forward(add_maps_of_ops(maps, value));
	}
	return KT_BPF_MAPS_E_NONE;
}

int kt_bpf_maps_find(struct kt_bpf_maps *ret_maps, const char *ops_name)
{
	_cleanup_(kt_freep) uint8_t *value = malloc(VALUE_MAX);
	struct kt_bpf_maps *maps = ret_maps;
	int r;

	maps->count = 0;
	if (!value)
		return kt_raise(-ENOMEM);
	r = kt_bpf_maps_init();
	if (r || !layout.known)
		return r ? kt_forward(r) : KT_BPF_MAPS_E_NONE;
	r = find_by_links(maps, ops_name, value);
	if (r == KT_BPF_MAPS_E_NONE)
		r = find_by_state(maps, ops_name, value);
	if (r < 0)
		kt_bpf_maps_deinit(maps);
	return kt_forward(r);
}
