/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps, programs and the live scheduler; see bpf.h. Sources: include/linux/bpf.h,
 * kernel/bpf/bpf_struct_ops.c. Nothing in the kernel leads from the running scheduler to its map:
 * scx_enable() copies the ops. The trampolines that they point to belong to one map alone.
 */
#include <string.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "monitor/facts/bpf-private.h"

#define LINKS_MAX 1024 /* functions of one struct_ops */

static const char *const paths[KT_BPF_PLACES_] = {
	[KT_MAP_TYPE] = "bpf_map.map_type",
	[KT_MAP_KEY_SIZE] = "bpf_map.key_size",
	[KT_MAP_VALUE_SIZE] = "bpf_map.value_size",
	[KT_MAP_MAX_ENTRIES] = "bpf_map.max_entries",
	[KT_MAP_FLAGS] = "bpf_map.map_flags",
	[KT_MAP_ID] = "bpf_map.id",
	[KT_MAP_VALUE_TYPE] = "bpf_map.btf_value_type_id",
	[KT_MAP_BTF] = "bpf_map.btf",
	[KT_MAP_NAME] = "bpf_map.name",
	[KT_BTF_DATA] = "btf.data",
	[KT_BTF_SIZE] = "btf.data_size",
	[KT_BTF_ID] = "btf.id",
	[KT_PROG_TYPE] = "bpf_prog.type",
	[KT_PROG_AUX] = "bpf_prog.aux",
	[KT_AUX_ID] = "bpf_prog_aux.id",
	[KT_AUX_NAME] = "bpf_prog_aux.name",
	[KT_AUX_MAPS] = "bpf_prog_aux.used_maps",
	[KT_AUX_MAP_COUNT] = "bpf_prog_aux.used_map_cnt",
	[KT_OPS_LINKS] = "bpf_struct_ops_map.links",
	[KT_OPS_LINK_COUNT] = "bpf_struct_ops_map.funcs_cnt|bpf_struct_ops_map.links_cnt",
	[KT_OPS_VALUE] = "bpf_struct_ops_map.kvalue",
	[KT_OPS_DATA] = "bpf_struct_ops_sched_ext_ops.data",
	[KT_LINK_PROG] = "bpf_link.prog",
	[KT_ARRAY_ELEM_SIZE] = "bpf_array.elem_size",
	[KT_ARRAY_VALUE] = "bpf_array.value",
	[KT_HTAB_BUCKETS] = "bpf_htab.buckets",
	[KT_HTAB_BUCKET_COUNT] = "bpf_htab.n_buckets",
	[KT_HTAB_NODE] = "htab_elem.hash_node",
	[KT_HTAB_KEY] = "htab_elem.key",
	[KT_NULLS_NEXT] = "hlist_nulls_node.next",
	[KT_STORAGE_BUCKETS] = "bpf_local_storage_map.buckets",
	[KT_STORAGE_LOG] = "bpf_local_storage_map.bucket_log",
	[KT_BUCKET_LIST] = "bpf_local_storage_map_bucket.list",
	[KT_SELEM_NODE] = "bpf_local_storage_elem.map_node",
	[KT_SELEM_OWNER] = "bpf_local_storage_elem.local_storage",
	[KT_SELEM_DATA] = "bpf_local_storage_elem.sdata",
	[KT_SDATA_DATA] = "bpf_local_storage_data.data",
	[KT_LOCAL_OWNER] = "bpf_local_storage.owner",
	[KT_RING_MAP_RB] = "bpf_ringbuf_map.rb",
	[KT_RING_MASK] = "bpf_ringbuf.mask",
	[KT_RING_CONSUMER] = "bpf_ringbuf.consumer_pos",
	[KT_RING_PRODUCER] = "bpf_ringbuf.producer_pos",
	[KT_ARENA_START] = "bpf_arena.user_vm_start",
	[KT_ARENA_END] = "bpf_arena.user_vm_end",
	[KT_ARENA_VM] = "bpf_arena.kern_vm",
	[KT_VM_ADDR] = "vm_struct.addr",
};

static const struct kt_group groups[KT_BPF_GROUPS_] = {
	[KT_BPF_MAPS] = { "BPF maps", KT_MAP_TYPE, KT_PROG_TYPE },
	[KT_BPF_PROGS] = { "BPF programs", KT_PROG_TYPE, KT_OPS_LINKS },
	[KT_BPF_STRUCT_OPS] = { "struct_ops of sched_ext", KT_OPS_LINKS, KT_ARRAY_ELEM_SIZE },
	[KT_BPF_ARRAYS] = { "BPF arrays", KT_ARRAY_ELEM_SIZE, KT_HTAB_BUCKETS },
	[KT_BPF_HASHES] = { "BPF hash tables", KT_HTAB_BUCKETS, KT_STORAGE_BUCKETS },
	[KT_BPF_STORAGES] = { "BPF local storage", KT_STORAGE_BUCKETS, KT_RING_MAP_RB },
	[KT_BPF_RINGBUFS] = { "BPF ring buffers", KT_RING_MAP_RB, KT_ARENA_START },
	[KT_BPF_ARENAS] = { "BPF arenas", KT_ARENA_START, KT_BPF_PLACES_ },
};

void kt_bpf_init(struct kt_bpf_view *view, struct kt_sched_view *sched)
{
	*view = (struct kt_bpf_view){ .sched = sched };
	kt_types_resolve(kt_bpf_reader(view)->types, paths, groups, KT_BPF_GROUPS_, view->places,
			 view->lacks);
}

int kt_bpf_require(const struct kt_bpf_view *view, enum kt_bpf_group group, struct kt_diag *diag)
{
	return view->lacks[group][0] ? kt_fail(diag, KT_BPF_E_LACKS, "%s", view->lacks[group]) : 0;
}

int kt_bpf_number(struct kt_bpf_view *view, uint64_t at, enum kt_bpf_place place,
		  uint64_t *ret_value, struct kt_diag *diag)
{
	return kt_forward(
		kt_read_number(kt_bpf_reader(view), at, &view->places[place], ret_value, diag));
}

int kt_bpf_number32(struct kt_bpf_view *view, uint64_t at, enum kt_bpf_place place,
		    uint32_t *ret_value, struct kt_diag *diag)
{
	uint64_t value = 0;

	KT_TRY(kt_bpf_number(view, at, place, &value, diag));
	*ret_value = (uint32_t)value;
	return 0;
}

/* ---- maps and programs ---- */

static int read_name(struct kt_bpf_view *view, uint64_t at, enum kt_bpf_place place, char *buf,
		     size_t size, struct kt_diag *diag)
{
	KT_TRAIL(&kt_bpf_reader(view)->trail, "%s", view->places[place].path);

	return kt_forward(kt_read_text(kt_bpf_reader(view), at + kt_bpf_offset(view, place), buf,
				       size, diag));
}

int kt_bpf_map_read(struct kt_bpf_view *view, uint64_t at, struct kt_guest_map *ret_map,
		    struct kt_diag *diag)
{
	struct kt_guest_map map = { .at = at };

	KT_TRY(kt_bpf_require(view, KT_BPF_MAPS, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_ID, &map.id, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_TYPE, &map.type, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_FLAGS, &map.flags, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_KEY_SIZE, &map.key_size, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_VALUE_SIZE, &map.value_size, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_MAX_ENTRIES, &map.max_entries, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_MAP_VALUE_TYPE, &map.value_type_id, diag));
	KT_TRY(kt_bpf_number(view, at, KT_MAP_BTF, &map.btf, diag));
	KT_TRY(read_name(view, at, KT_MAP_NAME, map.name, sizeof(map.name), diag));
	*ret_map = map;
	return 0;
}

int kt_bpf_prog_read(struct kt_bpf_view *view, uint64_t at, struct kt_guest_prog *ret_prog,
		     struct kt_diag *diag)
{
	struct kt_guest_prog prog = { .at = at };

	KT_TRY(kt_bpf_require(view, KT_BPF_PROGS, diag));
	KT_TRY(kt_bpf_number32(view, at, KT_PROG_TYPE, &prog.type, diag));
	KT_TRY(kt_read_pointer(kt_bpf_reader(view), at, &view->places[KT_PROG_AUX], &prog.aux,
			       diag));
	KT_TRY(kt_bpf_number32(view, prog.aux, KT_AUX_ID, &prog.id, diag));
	KT_TRY(kt_bpf_number(view, prog.aux, KT_AUX_MAPS, &prog.maps, diag));
	KT_TRY(kt_bpf_number32(view, prog.aux, KT_AUX_MAP_COUNT, &prog.map_count, diag));
	KT_TRY(read_name(view, prog.aux, KT_AUX_NAME, prog.name, sizeof(prog.name), diag));
	*ret_prog = prog;
	return 0;
}

static int objects_begin(struct kt_array *ret_array, struct kt_bpf_view *view, const char *name,
			 struct kt_diag *diag)
{
	uint64_t at = 0;

	KT_TRY(kt_read_symbol(kt_bpf_reader(view), name, &at, diag));
	return kt_forward(
		kt_array_begin_idr(ret_array, &view->sched->walk, at, KT_BPF_OBJECTS_MAX, diag));
}

int kt_bpf_maps_begin(struct kt_array *ret_array, struct kt_bpf_view *view, struct kt_diag *diag)
{
	return kt_forward(objects_begin(ret_array, view, "map_idr", diag));
}

int kt_bpf_progs_begin(struct kt_array *ret_array, struct kt_bpf_view *view, struct kt_diag *diag)
{
	return kt_forward(objects_begin(ret_array, view, "prog_idr", diag));
}

/* ---- the live scheduler ---- */

/* Where the kernel's copy of the ops is. */
static int find_ops(struct kt_bpf_view *view, uint64_t object, uint64_t *ret_at,
		    struct kt_diag *diag)
{
	if (!object)
		return kt_forward(kt_read_symbol(kt_bpf_reader(view), "scx_ops", ret_at, diag));
	if (view->sched->lacks[KT_SCHED_OBJECT][0])
		return kt_fail(diag, KT_BPF_E_LACKS, "%s", view->sched->lacks[KT_SCHED_OBJECT]);
	*ret_at = object + view->sched->places[KT_OBJECT_OPS].offset;
	return 0;
}

static bool is_function(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
	return t && btf_is_func_proto(t);
}

/* Whether all functions of two ops are the same, and there is one. */
static int ops_are_equal(struct kt_bpf_view *view, uint64_t a, uint64_t b, bool *ret_equal,
			 struct kt_diag *diag)
{
	struct kt_reader *reader = kt_bpf_reader(view);
	const struct btf *btf = kt_types_btf(reader->types);
	__s32 id = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	bool any = false;

	*ret_equal = false;
	for (unsigned int i = 0; t && i < btf_vlen(t) && i < LINKS_MAX; i++) {
		uint64_t at = btf_member_bit_offset(t, i) / 8, x = 0, y = 0;

		if (!is_function(btf, btf_members(t)[i].type))
			continue;
		KT_TRY(kt_read_u64(reader, a + at, &x, diag));
		KT_TRY(kt_read_u64(reader, b + at, &y, diag));
		if (x != y)
			return 0;
		any |= x != 0;
	}
	*ret_equal = any;
	return 0;
}

static int find_map(struct kt_bpf_view *view, uint64_t ops, struct kt_guest_map *ret_map,
		    struct kt_diag *diag)
{
	uint32_t data = kt_bpf_offset(view, KT_OPS_VALUE) + kt_bpf_offset(view, KT_OPS_DATA);
	uint64_t index, at;
	struct kt_array maps;
	int r = kt_bpf_maps_begin(&maps, view, diag);

	while (!r && !(r = kt_array_next(&maps, &index, &at, diag))) {
		struct kt_guest_map map = { .at = 0 };
		bool equal = false;
		KT_TRAIL(&kt_bpf_reader(view)->trail, "map %llu", (unsigned long long)index);

		KT_TRY(kt_bpf_map_read(view, at, &map, diag));
		if (map.type != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		KT_TRY(ops_are_equal(view, at + data, ops, &equal, diag));
		if (equal) {
			*ret_map = map;
			return 0;
		}
	}
	return r == KT_WALK_E_END ? kt_fail(diag, KT_BPF_E_NONE,
					    "no struct_ops map is the running scheduler's") :
				    kt_forward(r);
}

static int add_maps(struct kt_bpf_view *view, const struct kt_guest_prog *prog,
		    struct kt_bpf_scheduler *s, struct kt_diag *diag)
{
	for (uint32_t i = 0; i < prog->map_count && i < KT_SNAPSHOT_MAPS_MAX; i++) {
		uint64_t at = 0;
		size_t known = 0;
		KT_TRAIL(&kt_bpf_reader(view)->trail, "used_maps[%u]", i);

		KT_TRY(kt_read_u64(kt_bpf_reader(view), prog->maps + i * sizeof(at), &at, diag));
		while (known < s->map_count && s->maps[known] != at)
			known++;
		if (known == s->map_count && known < KT_SNAPSHOT_MAPS_MAX)
			s->maps[s->map_count++] = at;
	}
	return 0;
}

static int add_program(struct kt_bpf_view *view, uint64_t link, struct kt_bpf_scheduler *s,
		       struct kt_diag *diag)
{
	struct kt_guest_prog *prog = &s->progs[s->prog_count];
	uint64_t at = 0;

	KT_TRY(kt_read_pointer(kt_bpf_reader(view), link, &view->places[KT_LINK_PROG], &at, diag));
	KT_TRY(kt_bpf_prog_read(view, at, prog, diag));
	s->prog_count++;
	return kt_forward(add_maps(view, prog, s, diag));
}

static int add_programs(struct kt_bpf_view *view, struct kt_bpf_scheduler *s, struct kt_diag *diag)
{
	uint64_t links = 0, link = 0;
	uint32_t count = 0;

	KT_TRY(kt_bpf_number(view, s->ops.at, KT_OPS_LINKS, &links, diag));
	KT_TRY(kt_bpf_number32(view, s->ops.at, KT_OPS_LINK_COUNT, &count, diag));
	for (uint32_t i = 0; i < KT_MIN(count, (uint32_t)LINKS_MAX); i++) {
		KT_TRAIL(&kt_bpf_reader(view)->trail, "links[%u]", i);

		KT_TRY(kt_read_u64(kt_bpf_reader(view), links + i * sizeof(link), &link, diag));
		if (link && s->prog_count < KT_BPF_PROGS_MAX)
			KT_TRY(add_program(view, link, s, diag));
	}
	return 0;
}

int kt_bpf_scheduler_read(struct kt_bpf_view *view, uint64_t object,
			  struct kt_bpf_scheduler *ret_scheduler, struct kt_diag *diag)
{
	struct kt_bpf_scheduler *s = ret_scheduler;
	uint64_t ops = 0;

	s->prog_count = s->map_count = 0;
	KT_TRY(kt_bpf_require(view, KT_BPF_STRUCT_OPS, diag));
	KT_TRY(find_ops(view, object, &ops, diag));
	KT_TRY(find_map(view, ops, &s->ops, diag));
	KT_TRAIL(&kt_bpf_reader(view)->trail, "struct_ops map '%s'", s->ops.name);
	return kt_forward(add_programs(view, s, diag));
}
