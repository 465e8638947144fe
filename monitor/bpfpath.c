/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks up paths in snapshots; see bpfpath.h. The first name of a path is a variable of a
 * data section or a map; later parts are members and indices. Types are left to typed.c.
 */
#include <stdbool.h>
#include <string.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "monitor/bpfpath.h"
#include "monitor/typed.h"

/* Length of the longest map name in the kernel; longer names are cut. */
#define MAP_NAME_KEPT (BPF_OBJ_NAME_LEN - 1)

#define CPU "@cpu" /* precedes the number of a CPU in a path */

enum part_kind { PART_NAME, PART_INDEX, PART_CPU };

/* One step of a path: a name, a number in brackets, or the CPU of a per-CPU value. */
struct part {
	enum part_kind kind;
	const char *name;
	size_t len;
	uint64_t number;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Reads a number at *pos; false: there is none, or it is too large. */
static bool next_number(const char **pos, uint64_t *ret_number)
{
	const char *p = *pos;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
			return false;
	if (p == *pos)
		return false;
	*pos = p;
	*ret_number = n;
	return true;
}

static bool next_name(const char **pos, struct part *part)
{
	part->name = *pos;
	while (is_word(**pos))
		++*pos;
	part->len = (size_t)(*pos - part->name);
	return part->len;
}

/* Reads the next part at *pos: 1: read; 0: end of the path; -1: malformed. */
static int next_part(const char **pos, bool first, struct part *ret_part)
{
	struct part part = { .kind = PART_NAME };
	const char *p = *pos;
	bool formed;

	if (!*p)
		return first ? -1 : 0;
	if (first) {
		formed = next_name(&p, &part);
	} else if (*p == '[') {
		part.kind = PART_INDEX;
		p++;
		formed = next_number(&p, &part.number) && *p++ == ']';
	} else if (!strncmp(p, CPU, strlen(CPU))) {
		part.kind = PART_CPU;
		p += strlen(CPU);
		formed = next_number(&p, &part.number);
	} else {
		formed = *p++ == '.' && next_name(&p, &part);
	}
	if (!formed)
		return -1;
	*pos = p;
	*ret_part = part;
	return 1;
}

int kt_bpfpath_entry(const struct kt_snapshot_map *map, uint32_t entry, uint32_t cpu,
		     struct kt_typed *ret_value, const uint8_t **ret_key)
{
	size_t key = kt_snapshot_key_bytes(map), value = kt_snapshot_value_bytes(map);
	const uint8_t *at;

	if (entry >= map->entries || cpu >= map->values_per_key)
		return KT_TYPED_E_NONE;
	if (!map->btf || !map->value_type_id)
		return KT_TYPED_E_TYPE;
	at = map->data + entry * (key + value * map->values_per_key);
	*ret_key = key ? at : NULL;
	*ret_value = (struct kt_typed){ .btf = map->btf,
					.type_id = map->value_type_id,
					.data = at + key + cpu * value,
					.len = map->value_size };
	return 0;
}

static bool is_datasec(const struct kt_snapshot_map *map, struct kt_typed *ret_value)
{
	const struct btf_type *t;
	const uint8_t *key;

	if (kt_bpfpath_entry(map, 0, 0, ret_value, &key))
		return false;
	t = kt_typed_type(ret_value);
	return t && btf_is_datasec(t);
}

static bool key_equals(const struct kt_snapshot_map *map, const uint8_t *key, uint64_t index)
{
	uint64_t v = 0;

	if (map->key_size > sizeof(v))
		return false;
	memcpy(&v, key, map->key_size);
	return v == index;
}

/* Number of the entry with key `index`: index itself for arrays, by search for hashes. */
static uint32_t find_entry(const struct kt_snapshot_map *map, uint64_t index)
{
	struct kt_typed value;
	const uint8_t *key;
	uint32_t i = 0;

	if (!kt_snapshot_key_bytes(map))
		return index < map->entries ? (uint32_t)index : UINT32_MAX;
	while (!kt_bpfpath_entry(map, i, 0, &value, &key)) {
		if (key_equals(map, key, index))
			return i;
		i++;
	}
	return UINT32_MAX;
}

/* Follows the rest of the path from v to an integer. 0 or a kt_typed_condition. */
static int follow(struct kt_typed v, const char *rest, uint64_t *ret_value)
{
	struct kt_typed next;
	struct part part;
	bool is_signed;
	int r;

	while (next_part(&rest, false, &part) > 0) {
		if (part.kind == PART_CPU)
			return KT_TYPED_E_TYPE;
		r = part.kind == PART_NAME ? kt_typed_member(&next, &v, part.name, part.len) :
					     kt_typed_element(&next, &v, part.number);
		if (r)
			return r;
		v = next;
	}
	return kt_typed_integer(&v, ret_value, &is_signed);
}

/* The value of one CPU. */
static int follow_cpu(const struct kt_snapshot_map *map, uint32_t entry, uint64_t cpu,
		      const char *rest, uint64_t *ret_value)
{
	struct kt_typed v;
	const uint8_t *key;

	KT_TRY(kt_bpfpath_entry(map, entry, (uint32_t)KT_MIN(cpu, (uint64_t)UINT32_MAX), &v, &key));
	return follow(v, rest, ret_value);
}

static int follow_map(const struct kt_snapshot_map *map, const char *rest, uint64_t *ret_value)
{
	uint64_t sum = 0, one;
	const char *after;
	struct part part;
	uint32_t entry;

	if (next_part(&rest, false, &part) <= 0 || part.kind != PART_INDEX)
		return KT_TYPED_E_TYPE;
	entry = find_entry(map, part.number);
	after = rest;
	if (next_part(&after, false, &part) > 0 && part.kind == PART_CPU)
		return kt_snapshot_is_per_cpu(map) ?
			       follow_cpu(map, entry, part.number, after, ret_value) :
			       KT_TYPED_E_TYPE;
	for (uint32_t cpu = 0; cpu == 0 || cpu < map->values_per_key; cpu++) {
		KT_TRY(follow_cpu(map, entry, cpu, rest, &one));
		sum += one;
	}
	*ret_value = sum;
	return 0;
}

static bool map_is_called(const struct kt_snapshot_map *map, const struct part *part)
{
	size_t len = KT_MIN(part->len, (size_t)MAP_NAME_KEPT);

	return strlen(map->name) == len && !memcmp(map->name, part->name, len);
}

static int look_up(const struct kt_snapshot *s, const struct part *first, const char *rest,
		   uint64_t *ret_value)
{
	struct kt_typed section, v;

	for (unsigned int i = 0; i < s->map_count; i++)
		if (is_datasec(&s->maps[i], &section) &&
		    !kt_typed_variable(&v, &section, first->name, first->len))
			return follow(v, rest, ret_value);
	for (unsigned int i = 0; i < s->map_count; i++)
		if (map_is_called(&s->maps[i], first))
			return follow_map(&s->maps[i], rest, ret_value);
	return KT_TYPED_E_NONE;
}

/* A CPU is named behind the index of a map, and nowhere else. */
static bool is_formed(const char *path, struct part *ret_first, const char **ret_rest)
{
	struct part part;
	const char *p = path;
	int r = next_part(&p, true, ret_first);

	*ret_rest = p;
	for (unsigned int n = 1; r > 0; n++) {
		r = next_part(&p, false, &part);
		if (r > 0 && part.kind == PART_CPU && n != 2)
			return false;
	}
	return !r;
}

static void say_unknown(const struct kt_snapshot *s, struct kt_diag *diag)
{
	_cleanup_(kt_buf_deinit) struct kt_buf names = KT_BUF_INIT(sizeof(diag->cause));

	/* The list may be cut at the limit of its buffer. */
	(void)!kt_bpfpath_names(s, &names);
	if (names.len)
		kt_diag_cause(diag, "no such name; there are: %s", kt_buf_str(&names));
	else
		kt_diag_cause(diag,
			      "no such name; the snapshot (generation %u) holds no typed maps",
			      s->generation);
}

int kt_bpfpath_u64(const struct kt_snapshot *snapshot, const char *path, uint64_t *ret_value,
		   struct kt_diag *diag)
{
	struct part first;
	const char *rest;
	int r;

	kt_diag_doing(diag, "read '%s' from snapshot %u", path, snapshot->number);
	if (!is_formed(path, &first, &rest))
		return kt_fail(diag, KT_BPFPATH_E_FORM,
			       "not a path; write name, name.member, name[index], "
			       "name[index]@cpu4 and so on");
	r = look_up(snapshot, &first, rest, ret_value);
	switch (r) {
	case 0:
		if (diag)
			kt_diag_reset(diag);
		return 0;
	case KT_TYPED_E_NONE:
		say_unknown(snapshot, diag);
		return KT_BPFPATH_E_NAME;
	case KT_TYPED_E_BOUNDS:
		kt_diag_cause(diag, "its BTF places the value outside the map's bytes");
		return KT_BPFPATH_E_TYPE;
	default:
		kt_diag_cause(diag,
			      "the value is not an integer, or has no such index, CPU or member");
		return KT_BPFPATH_E_TYPE;
	}
}

static int append_name(struct kt_buf *out, const char *name, const char *suffix)
{
	if (!name || !name[0])
		return 0;
	return kt_buf_printf(out, "%s%s%s", out->len ? ", " : "", name, suffix);
}

static int append_variables(struct kt_buf *out, const struct kt_typed *section)
{
	struct kt_typed v;
	const char *name;
	int step;

	for (unsigned int i = 0;; i++) {
		step = kt_typed_variable_at(&v, &name, section, i);
		if (step == KT_TYPED_E_NONE)
			return 0;
		if (step)
			continue;
		KT_TRY(append_name(out, name, ""));
	}
}

int kt_bpfpath_names(const struct kt_snapshot *snapshot, struct kt_buf *out)
{
	struct kt_typed section;

	for (unsigned int i = 0; i < snapshot->map_count; i++) {
		const struct kt_snapshot_map *map = &snapshot->maps[i];

		KT_TRY(is_datasec(map, &section) ? append_variables(out, &section) :
						   append_name(out, map->name, "[]"));
	}
	return 0;
}
