/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots as JSON; see snapshot.h. Depth and number of values are limited, because BTF of
 * the guest could describe any amount of text.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/bpfpath.h"
#include "base/jsontext.h"
#include "report/snapshot.h"
#include "monitor/typed.h"

#define DEPTH_MAX    8
#define ELEMENTS_MAX 1024
#define VALUES_MAX   100000 /* values in one snapshot */

struct writer {
	unsigned int values;
};

static json_t *value_json(struct writer *w, const struct kt_typed *v, int depth);

static json_t *integer_json(const struct kt_typed *v)
{
	bool is_signed;
	uint64_t value;
	char text[24];

	if (kt_typed_integer(v, &value, &is_signed))
		return json_null();
	/* Integers of jansson are signed 64-bit; a larger value becomes a string. */
	if (is_signed || value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return json_string(text);
}

static json_t *struct_json(struct writer *w, const struct kt_typed *v, int depth)
{
	json_t *object = json_object();
	struct kt_typed m;
	const char *name;

	for (unsigned int i = 0; kt_typed_member_at(&m, &name, v, i) != KT_TYPED_E_NONE; i++) {
		char unnamed[24];

		if (i >= ELEMENTS_MAX || kt_typed_member_at(&m, &name, v, i))
			break;
		snprintf(unnamed, sizeof(unnamed), "<%u>", i);
		json_object_set_new(object, name && name[0] ? name : unnamed,
				    value_json(w, &m, depth + 1));
	}
	return object;
}

static json_t *array_json(struct writer *w, const struct kt_typed *v, int depth)
{
	json_t *array = json_array();
	struct kt_typed e;

	for (unsigned int i = 0; i < ELEMENTS_MAX && !kt_typed_element(&e, v, i); i++)
		json_array_append_new(array, value_json(w, &e, depth + 1));
	return array;
}

static json_t *value_json(struct writer *w, const struct kt_typed *v, int depth)
{
	const struct btf_type *t = kt_typed_type(v);

	if (!t || depth > DEPTH_MAX || w->values++ >= VALUES_MAX)
		return json_null();
	if (btf_is_composite(t))
		return struct_json(w, v, depth);
	if (btf_is_array(t))
		return array_json(w, v, depth);
	return integer_json(v);
}

static json_t *variables_json(struct writer *w, const struct kt_typed *section)
{
	json_t *object = json_object();
	struct kt_typed v;
	const char *name;
	int r = 0;

	for (unsigned int i = 0; i < ELEMENTS_MAX; i++) {
		r = kt_typed_variable_at(&v, &name, section, i);
		if (r == KT_TYPED_E_NONE)
			break;
		if (!r && name && name[0])
			json_object_set_new(object, name, value_json(w, &v, 0));
	}
	return object;
}

static json_t *entry_json(struct writer *w, const struct kt_snapshot_map *map, uint32_t entry)
{
	json_t *values = json_array();
	struct kt_typed v;
	const uint8_t *key;

	for (uint32_t cpu = 0; !kt_bpfpath_entry(map, entry, cpu, &v, &key); cpu++)
		json_array_append_new(values, value_json(w, &v, 0));
	if (map->values_per_key == 1) {
		json_t *only = json_incref(json_array_get(values, 0));

		json_decref(values);
		return only;
	}
	return values;
}

static json_t *entries_json(struct writer *w, const struct kt_snapshot_map *map)
{
	json_t *object = json_object();
	struct kt_typed v;
	const uint8_t *key;
	char name[24];

	for (uint32_t i = 0; i < ELEMENTS_MAX && !kt_bpfpath_entry(map, i, 0, &v, &key); i++) {
		uint64_t k = i;

		if (key) {
			k = 0;
			for (uint32_t b = KT_MIN(map->key_size, 8u); b-- > 0;)
				k = k << 8 | key[b];
		}
		snprintf(name, sizeof(name), "%llu", (unsigned long long)k);
		json_object_set_new(object, name, entry_json(w, map, i));
	}
	return object;
}

static json_t *map_json(struct writer *w, const struct kt_snapshot_map *map)
{
	static const char *const states[] = { "whole", "truncated", "unsupported", "unreadable" };
	const struct btf_type *t = NULL;
	struct kt_typed v;
	const uint8_t *key;
	json_t *object;

	if (!kt_bpfpath_entry(map, 0, 0, &v, &key))
		t = kt_typed_type(&v);
	object = json_pack("{s:o, s:i, s:i, s:i, s:i, s:s}", "name",
			   kt_json_text(map->name, strlen(map->name)), "id", (int)map->id, "type",
			   (int)map->type, "value_size", (int)map->value_size, "entries",
			   (int)map->entries, "state", states[map->state]);
	if (!object || !map->btf)
		return object;
	if (t && btf_is_datasec(t))
		json_object_set_new(object, "variables", variables_json(w, &v));
	else
		json_object_set_new(object, "values", entries_json(w, map));
	return object;
}

const char *kt_snapshot_cause_name(uint32_t cause)
{
	static const char *const names[] = { "periodic", "attached", "ending" };

	_Static_assert(KT_ARRAY_SIZE(names) == KT_SNAPSHOT_CAUSE_COUNT_, "cause without a name");
	return cause < KT_ARRAY_SIZE(names) ? names[cause] : "unknown";
}

int kt_snapshot_json(json_t **ret_json, const struct kt_snapshot *snapshot)
{
	struct writer w = { 0 };
	json_t *maps = json_array(), *object;

	for (unsigned int i = 0; i < snapshot->map_count; i++)
		json_array_append_new(maps, map_json(&w, &snapshot->maps[i]));
	object = json_pack("{s:i, s:i, s:s, s:i, s:i, s:I, s:b, s:o}", "version", 1, "snapshot",
			   (int)snapshot->number, "cause", kt_snapshot_cause_name(snapshot->cause),
			   "generation", (int)snapshot->generation, "step", (int)snapshot->step,
			   "time_ns", (json_int_t)snapshot->time_ns, "valid", snapshot->valid,
			   "maps", maps);
	if (!object)
		return kt_raise(-ENOMEM);
	*ret_json = object;
	return 0;
}
