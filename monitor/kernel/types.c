/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places of members by BTF; see types.h. The BTF may be the guest's: chains of typedefs, the
 * nesting of anonymous members and every sum of offsets are bounded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "monitor/kernel/types.h"

#define CHAIN_MAX     32 /* typedefs and qualifiers in a row; the limit of libbpf */
#define ANONYMOUS_MAX 8	 /* nesting of anonymous structs */
#define OFFSET_MAX    (1u << 24)

struct kt_types {
	struct btf *btf; /* owned */
};

int kt_types_new(struct kt_types **ret_types, struct btf *btf)
{
	struct kt_types *types = calloc(1, sizeof(*types));

	if (!types) {
		btf__free(btf);
		return kt_raise(-ENOMEM);
	}
	types->btf = btf;
	*ret_types = types;
	return 0;
}

struct kt_types *kt_types_free(struct kt_types *types)
{
	if (types)
		btf__free(types->btf);
	free(types);
	return NULL;
}

const struct btf *kt_types_btf(const struct kt_types *types)
{
	return types->btf;
}

/* The type behind typedefs and qualifiers, and its id; NULL: a broken chain. */
static const struct btf_type *behind(const struct kt_types *types, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(types->btf, *id);

	for (int i = 0; t && i < CHAIN_MAX; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		*id = t->type;
		t = btf__type_by_id(types->btf, *id);
	}
	return NULL;
}

static const char *name_at(const struct kt_types *types, uint32_t offset)
{
	const char *name = btf__name_by_offset(types->btf, offset);

	return name ? name : "";
}

/* ---- members ---- */

/* A place on the way, and the type that the next part of the path is looked up in. */
struct way {
	uint64_t bits; /* from the start of the outermost struct */
	uint32_t id;
	unsigned int bit_size;
};

static bool find_member(const struct kt_types *types, struct way *way, const char *name, size_t len,
			int depth)
{
	uint32_t id = way->id;
	const struct btf_type *t = behind(types, &id);

	for (unsigned int i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *have = name_at(types, m->name_off);
		struct way inner = { .bits = way->bits + btf_member_bit_offset(t, i),
				     .id = m->type,
				     .bit_size = btf_member_bitfield_size(t, i) };
		bool found = strlen(have) == len && !memcmp(have, name, len);

		if (!found && !have[0] && depth < ANONYMOUS_MAX)
			found = find_member(types, &inner, name, len, depth + 1);
		if (found) {
			*way = inner;
			return true;
		}
	}
	return false;
}

/* Steps to an element: "[3]" at *path. */
static bool take_element(const struct kt_types *types, struct way *way, const char **path)
{
	const struct btf_type *t = behind(types, &way->id);
	uint64_t index;
	__s64 size;

	++*path;
	if (!kt_take_number(path, &index) || *(*path)++ != ']' || !t || !btf_is_array(t))
		return false;
	size = btf__resolve_size(types->btf, btf_array(t)->type);
	if (size < 0 || size > OFFSET_MAX || index >= btf_array(t)->nelems || index > OFFSET_MAX)
		return false;
	way->bits += index * (uint64_t)size * 8;
	way->id = btf_array(t)->type;
	return true;
}

static bool take_member(const struct kt_types *types, struct way *way, const char **path)
{
	size_t len = strcspn(*path, ".[");
	const char *name = *path;

	*path += len;
	return len && find_member(types, way, name, len, 0);
}

static bool is_signed(const struct btf_type *t)
{
	if (btf_is_int(t))
		return btf_int_encoding(t) & BTF_INT_SIGNED;
	return btf_is_any_enum(t) && btf_kflag(t);
}

static bool end_way(const struct kt_types *types, const struct way *way, struct kt_place *ret)
{
	uint32_t id = way->id;
	const struct btf_type *t = behind(types, &id);
	__s64 size = btf__resolve_size(types->btf, way->id);
	unsigned int shift = (unsigned int)(way->bits % 8);

	if (!t || size < 0 || size > OFFSET_MAX || way->bits / 8 > OFFSET_MAX ||
	    way->bit_size > 57 || (!way->bit_size && shift))
		return false;
	*ret = (struct kt_place){
		.offset = (uint32_t)(way->bits / 8),
		.size = way->bit_size ? (shift + way->bit_size + 7) / 8 : (uint32_t)size,
		.bit_shift = (uint8_t)shift,
		.bit_size = (uint8_t)way->bit_size,
		.is_signed = is_signed(t),
		.is_pointer = btf_is_ptr(t),
		.type_id = way->id,
	};
	return true;
}

static bool follow(const struct kt_types *types, uint32_t id, const char *path,
		   struct kt_place *ret)
{
	struct way way = { .id = id };
	bool first = true;

	for (; *path; first = false) {
		bool dot = *path == '.';

		if (*path == '[') {
			if (!take_element(types, &way, &path))
				return false;
			continue;
		}
		path += dot;
		if (first == dot || way.bit_size || !take_member(types, &way, &path))
			return false;
	}
	return end_way(types, &way, ret);
}

int kt_types_member(const struct kt_types *types, uint32_t id, const char *path,
		    struct kt_place *ret_place, struct kt_diag *diag)
{
	const struct btf_type *t = behind(types, &id);

	if (follow(types, id, path, ret_place))
		return 0;
	return kt_fail(diag, KT_TYPES_E_NONE, "struct %s has no member %s",
		       t ? name_at(types, t->name_off) : "?", path);
}

/* ---- names ---- */

static int find_struct(const struct kt_types *types, const char *name, uint32_t *ret_id)
{
	__s32 id = btf__find_by_name_kind(types->btf, name, BTF_KIND_STRUCT);

	if (id < 0)
		id = btf__find_by_name_kind(types->btf, name, BTF_KIND_UNION);
	if (id < 0)
		return KT_TYPES_E_NONE;
	*ret_id = (uint32_t)id;
	return 0;
}

int kt_types_struct(const struct kt_types *types, const char *name, uint32_t *ret_id,
		    struct kt_diag *diag)
{
	int r = find_struct(types, name, ret_id);

	return r ? kt_fail(diag, r, "there is no struct %s", name) : 0;
}

int kt_types_size(const struct kt_types *types, const char *name, uint32_t *ret_bytes,
		  struct kt_diag *diag)
{
	uint32_t id;
	__s64 size;

	KT_TRY(kt_types_struct(types, name, &id, diag));
	size = btf__resolve_size(types->btf, id);
	if (size < 0 || size > OFFSET_MAX)
		return kt_fail(diag, KT_TYPES_E_NONE, "struct %s has no size", name);
	*ret_bytes = (uint32_t)size;
	return 0;
}

int kt_types_place(const struct kt_types *types, const char *path, struct kt_place *ret_place,
		   struct kt_diag *diag)
{
	size_t len = strcspn(path, ".");
	char name[128];
	uint32_t id;

	if (!path[len] || len >= sizeof(name))
		return kt_fail(diag, KT_TYPES_E_NONE, "'%.100s' names no member", path);
	snprintf(name, sizeof(name), "%.*s", (int)len, path);
	KT_TRY(kt_types_struct(types, name, &id, diag));
	return kt_forward(kt_types_member(types, id, path + len + 1, ret_place, diag));
}

uint32_t kt_types_target(const struct kt_types *types, uint32_t id)
{
	const struct btf_type *t = behind(types, &id);

	if (!t || !(btf_is_ptr(t) || btf_is_array(t)))
		return 0;
	id = btf_is_ptr(t) ? t->type : btf_array(t)->type;
	return behind(types, &id) ? id : 0;
}

/* ---- constants ---- */

static int64_t value_of(const struct btf_type *t, unsigned int i)
{
	if (btf_is_enum64(t))
		return (int64_t)btf_enum64_value(&btf_enum64(t)[i]);
	return btf_kflag(t) ? btf_enum(t)[i].val : (int64_t)(uint32_t)btf_enum(t)[i].val;
}

static const char *enumerator_of(const struct kt_types *types, const struct btf_type *t,
				 unsigned int i)
{
	return name_at(types,
		       btf_is_enum64(t) ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off);
}

int kt_types_constant(const struct kt_types *types, const char *name, int64_t *ret_value,
		      struct kt_diag *diag)
{
	for (uint32_t id = 1; id < btf__type_cnt(types->btf); id++) {
		const struct btf_type *t = btf__type_by_id(types->btf, id);

		for (unsigned int i = 0; t && btf_is_any_enum(t) && i < btf_vlen(t); i++) {
			if (strcmp(enumerator_of(types, t, i), name))
				continue;
			*ret_value = value_of(t, i);
			return 0;
		}
	}
	return kt_fail(diag, KT_TYPES_E_NONE, "there is no constant %s", name);
}

const char *kt_types_enumerator(const struct kt_types *types, const char *name, int64_t value)
{
	__s32 id = btf__find_by_name_kind(types->btf, name, BTF_KIND_ENUM);
	const struct btf_type *t;

	if (id < 0)
		id = btf__find_by_name_kind(types->btf, name, BTF_KIND_ENUM64);
	t = id < 0 ? NULL : btf__type_by_id(types->btf, (uint32_t)id);
	for (unsigned int i = 0; t && i < btf_vlen(t); i++)
		if (value_of(t, i) == value)
			return enumerator_of(types, t, i);
	return NULL;
}

/* ---- groups ---- */

/* The first alternative that the kernel has; diag names the first one. */
static int resolve_path(const struct kt_types *types, const char *alternatives,
			struct kt_place *ret_place, struct kt_diag *diag)
{
	int r = KT_TYPES_E_NONE;
	char path[128];

	for (const char *at = alternatives; r && *at;) {
		size_t len = strcspn(at, "|");

		snprintf(path, sizeof(path), "%.*s", (int)len, at);
		r = kt_types_place(types, path, ret_place, diag);
		at += len + (at[len] == '|');
	}
	ret_place->path = alternatives;
	return kt_forward(r);
}

static void resolve_group(const struct kt_types *types, const char *const *paths,
			  const struct kt_group *group, struct kt_place *ret_places,
			  char ret_lacks[KT_LACKS_MAX])
{
	struct kt_diag why = KT_DIAG_INIT;

	ret_lacks[0] = 0;
	for (unsigned int i = group->first; i < group->end && !ret_lacks[0]; i++)
		if (resolve_path(types, paths[i], &ret_places[i], &why))
			snprintf(ret_lacks, KT_LACKS_MAX, "the kernel lacks '%s': %.140s",
				 group->name, why.cause);
}

void kt_types_resolve(const struct kt_types *types, const char *const *paths,
		      const struct kt_group *groups, size_t count, struct kt_place *ret_places,
		      char (*ret_lacks)[KT_LACKS_MAX])
{
	for (size_t i = 0; i < count; i++)
		resolve_group(types, paths, &groups[i], ret_places, ret_lacks[i]);
}
