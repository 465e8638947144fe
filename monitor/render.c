/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values as trees; see render.h. The text is made from the tree, so that both say the same.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsontext.h"
#include "monitor/render.h"

struct painter {
	const struct kt_symbols *symbols;
	unsigned int values;
};

static json_t *paint(struct painter *p, const struct kt_typed *v, int depth);

static const char *name_of(const struct kt_typed *v, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(v->btf, t->name_off);

	return name ? name : "";
}

/* ---- numbers ---- */

static json_t *paint_number(uint64_t value, bool is_signed)
{
	char text[24];

	if (is_signed || value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return json_string(text);
}

static json_t *paint_pointer(struct painter *p, uint64_t value)
{
	char text[KT_SYMBOL_NAME_MAX + 64], symbol[KT_SYMBOL_NAME_MAX + 24];
	uint64_t offset;
	const char *name;

	if (p->symbols && !kt_symbols_name(p->symbols, value, &name, &offset))
		snprintf(text, sizeof(text), "%#llx (%s)", (unsigned long long)value,
			 kt_symbols_format(p->symbols, value, symbol, sizeof(symbol)));
	else
		snprintf(text, sizeof(text), value ? "%#llx" : "NULL", (unsigned long long)value);
	return kt_json_text(text, strlen(text));
}

static json_t *paint_enum(const struct kt_typed *v, const struct btf_type *t, uint64_t value,
			  bool is_signed)
{
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		bool wide = btf_is_enum64(t);
		uint64_t have = wide	  ? btf_enum64_value(&btf_enum64(t)[i]) :
				is_signed ? (uint64_t)(int64_t)btf_enum(t)[i].val :
					    (uint32_t)btf_enum(t)[i].val;
		const char *name = btf__name_by_offset(v->btf, wide ? btf_enum64(t)[i].name_off :
								      btf_enum(t)[i].name_off);

		if (have == value && name)
			return kt_json_text(name, strlen(name));
	}
	return paint_number(value, is_signed);
}

static json_t *paint_float(const struct kt_typed *v, const struct btf_type *t)
{
	double wide;
	float narrow;

	if (t->size == sizeof(wide) && v->len >= sizeof(wide)) {
		memcpy(&wide, v->data, sizeof(wide));
		return json_real(__builtin_isfinite(wide) ? wide : 0);
	}
	if (t->size == sizeof(narrow) && v->len >= sizeof(narrow)) {
		memcpy(&narrow, v->data, sizeof(narrow));
		return json_real(__builtin_isfinite(narrow) ? (double)narrow : 0);
	}
	return json_null();
}

static json_t *paint_scalar(struct painter *p, const struct kt_typed *v, const struct btf_type *t)
{
	bool is_signed;
	uint64_t value;

	if (btf_is_float(t))
		return paint_float(v, t);
	if (kt_typed_integer(v, &value, &is_signed))
		return json_null();
	if (btf_is_ptr(t))
		return paint_pointer(p, value);
	if (btf_is_any_enum(t))
		return paint_enum(v, t, value, is_signed);
	if (btf_int_encoding(t) & BTF_INT_BOOL)
		return json_boolean(value != 0);
	return paint_number(value, is_signed);
}

/* ---- structs, arrays, sections ---- */

/* Says how many are left out, as a member or an element. */
static void paint_rest(json_t *to, uint64_t more)
{
	char text[40];

	snprintf(text, sizeof(text), "... %llu more", (unsigned long long)more);
	if (json_is_array(to))
		json_array_append_new(to, json_string(text));
	else
		json_object_set_new(to, text, json_null());
}

/* The members of an anonymous struct become those of the struct that it is in. */
static void paint_member(struct painter *p, json_t *object, const char *name,
			 const struct kt_typed *m, unsigned int i, int depth)
{
	json_t *value = paint(p, m, depth + 1);
	char unnamed[24];

	if (name && name[0]) {
		json_object_set_new(object, name, value);
	} else if (json_is_object(value)) {
		json_object_update(object, value);
		json_decref(value);
	} else {
		snprintf(unnamed, sizeof(unnamed), "<%u>", i);
		json_object_set_new(object, unnamed, value);
	}
}

static json_t *paint_struct(struct painter *p, const struct kt_typed *v, const struct btf_type *t,
			    int depth)
{
	unsigned int count = KT_MIN((unsigned int)btf_vlen(t), KT_RENDER_ELEMENTS_MAX + 0u);
	json_t *object = json_object();
	const char *name = NULL;
	struct kt_typed m;

	for (unsigned int i = 0; i < count; i++) {
		bool fits = !kt_typed_member_at(&m, &name, v, i);

		name = btf__name_by_offset(v->btf, btf_members(t)[i].name_off);
		if (fits)
			paint_member(p, object, name, &m, i, depth);
		else if (name && name[0])
			json_object_set_new(object, name, json_null());
	}
	if (count < btf_vlen(t))
		paint_rest(object, btf_vlen(t) - count);
	return object;
}

static json_t *paint_section(struct painter *p, const struct kt_typed *v, const struct btf_type *t,
			     int depth)
{
	unsigned int count = KT_MIN((unsigned int)btf_vlen(t), KT_RENDER_ELEMENTS_MAX + 0u);
	json_t *object = json_object();
	const char *name = NULL;
	struct kt_typed m;

	for (unsigned int i = 0; i < count; i++)
		if (!kt_typed_variable_at(&m, &name, v, i))
			paint_member(p, object, name, &m, i, depth);
	if (count < btf_vlen(t))
		paint_rest(object, btf_vlen(t) - count);
	return object;
}

/* Whether an array of char is a text: printable up to a 0, and zeros behind it. NULL: no. */
static json_t *paint_text(const struct kt_typed *v, uint32_t count)
{
	size_t size = KT_MIN((size_t)count, v->len), len = strnlen((const char *)v->data, size);

	for (size_t i = 0; i < size; i++) {
		uint8_t c = v->data[i];

		if (i < len ? (c < ' ' || c > '~') && c != '\n' && c != '\t' : c)
			return NULL;
	}
	return kt_json_text((const char *)v->data, len);
}

static bool is_char(const struct kt_typed *v, uint32_t type_id)
{
	const struct kt_typed element = { .btf = v->btf, .type_id = type_id };
	const struct btf_type *t = kt_typed_type(&element);

	return t && btf_is_int(t) && t->size == 1 && !strcmp(name_of(v, t), "char");
}

static json_t *paint_array(struct painter *p, const struct kt_typed *v, const struct btf_type *t,
			   int depth)
{
	uint32_t count = btf_array(t)->nelems, i = 0;
	json_t *array = is_char(v, btf_array(t)->type) ? paint_text(v, count) : NULL;
	struct kt_typed e;

	if (array)
		return array;
	array = json_array();
	for (; i < count && i < KT_RENDER_ELEMENTS_MAX && !kt_typed_element(&e, v, i); i++)
		json_array_append_new(array, paint(p, &e, depth + 1));
	if (i < count)
		paint_rest(array, count - i);
	return array;
}

static json_t *paint(struct painter *p, const struct kt_typed *v, int depth)
{
	const struct btf_type *t = kt_typed_type(v);

	if (!t || depth > KT_RENDER_DEPTH_MAX || p->values++ >= KT_RENDER_VALUES_MAX)
		return json_null();
	if (btf_is_composite(t))
		return paint_struct(p, v, t, depth);
	if (btf_is_datasec(t))
		return paint_section(p, v, t, depth);
	if (btf_is_array(t))
		return paint_array(p, v, t, depth);
	return paint_scalar(p, v, t);
}

int kt_render_json(json_t **ret_json, const struct kt_typed *value,
		   const struct kt_symbols *symbols)
{
	struct painter p = { .symbols = symbols };
	json_t *json = paint(&p, value, 0);

	if (!json)
		return kt_raise(-ENOMEM);
	*ret_json = json;
	return 0;
}

/* ---- text ---- */

static int write_value(struct kt_buf *out, const json_t *value);

static int write_object(struct kt_buf *out, const json_t *object)
{
	const char *separator = "", *name;
	json_t *value;

	KT_TRY(kt_buf_printf(out, "{"));
	json_object_foreach((json_t *)object, name, value)
	{
		bool rest = !strncmp(name, "... ", 4);

		KT_TRY(kt_buf_printf(out, "%s%s%s", separator, name, rest ? "" : ": "));
		if (!rest)
			KT_TRY(write_value(out, value));
		separator = ", ";
	}
	return kt_forward(kt_buf_printf(out, "}"));
}

static int write_array(struct kt_buf *out, const json_t *array)
{
	KT_TRY(kt_buf_printf(out, "["));
	for (size_t i = 0; i < json_array_size(array); i++) {
		KT_TRY(kt_buf_printf(out, "%s", i ? ", " : ""));
		KT_TRY(write_value(out, json_array_get(array, i)));
	}
	return kt_forward(kt_buf_printf(out, "]"));
}

/* The depth is bounded by that of the tree. */
static int write_value(struct kt_buf *out, const json_t *value)
{
	char *text;
	int r;

	if (json_is_object(value))
		return kt_forward(write_object(out, value));
	if (json_is_array(value))
		return kt_forward(write_array(out, value));
	text = json_dumps(value, JSON_ENCODE_ANY);
	if (!text)
		return kt_raise(-ENOMEM);
	r = kt_buf_printf(out, "%s", text);
	free(text);
	return kt_forward(r);
}

int kt_render_text(struct kt_buf *out, const struct kt_typed *value,
		   const struct kt_symbols *symbols)
{
	json_t *json = NULL;
	int r;

	KT_TRY(kt_render_json(&json, value, symbols));
	r = write_value(out, json);
	json_decref(json);
	return kt_forward(r);
}
