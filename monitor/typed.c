/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed views; see typed.h. Nothing here recurses without a limit or trusts an offset of BTF. */
#include <string.h>

#include "monitor/typed.h"

#define CHAIN_MAX     32 /* typedefs and qualifiers in a row; the limit of libbpf */
#define ANONYMOUS_MAX 8	 /* nesting of anonymous structs */

const struct btf_type *kt_typed_type(const struct kt_typed *v)
{
	const struct btf_type *t = btf__type_by_id(v->btf, v->type_id);

	for (int i = 0; t && i < CHAIN_MAX; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_var(t))
			return t;
		t = btf__type_by_id(v->btf, t->type);
	}
	return NULL;
}

static bool name_is(const char *have, const char *name, size_t len)
{
	return have && strlen(have) == len && !memcmp(have, name, len);
}

/* *ret_v: v moved by `bytes`, with type type_id, if a value of the type fits. */
static int move(struct kt_typed *ret_v, const struct kt_typed *v, uint32_t type_id, uint64_t bytes)
{
	__s64 size = btf__resolve_size(v->btf, type_id);

	if (size < 0 || bytes > v->len || (uint64_t)size > v->len - bytes)
		return KT_TYPED_E_BOUNDS;
	*ret_v = (struct kt_typed){
		.btf = v->btf, .type_id = type_id, .data = v->data + bytes, .len = (size_t)size
	};
	return 0;
}

int kt_typed_member_at(struct kt_typed *ret_member, const char **ret_name, const struct kt_typed *v,
		       unsigned int i)
{
	const struct btf_type *t = kt_typed_type(v);
	uint32_t bits, bit_offset;
	int r;

	if (!t || !btf_is_composite(t))
		return KT_TYPED_E_TYPE;
	if (i >= btf_vlen(t))
		return KT_TYPED_E_NONE;
	bits = btf_member_bitfield_size(t, i);
	bit_offset = btf_member_bit_offset(t, i);
	if (!bits) {
		r = move(ret_member, v, btf_members(t)[i].type, bit_offset / 8);
		if (r)
			return r;
	} else {
		if (bits > 64 || ((uint64_t)bit_offset + bits + 7) / 8 > v->len)
			return KT_TYPED_E_BOUNDS;
		*ret_member = *v;
		ret_member->type_id = btf_members(t)[i].type;
		ret_member->bit_offset = bit_offset;
		ret_member->bit_size = bits;
	}
	*ret_name = btf__name_by_offset(v->btf, btf_members(t)[i].name_off);
	return 0;
}

static int find_member(struct kt_typed *ret_member, const struct kt_typed *v, const char *name,
		       size_t len, int depth)
{
	const char *have;
	struct kt_typed m;
	int r;

	for (unsigned int i = 0;; i++) {
		r = kt_typed_member_at(&m, &have, v, i);
		if (r)
			return r;
		if (name_is(have, name, len)) {
			*ret_member = m;
			return 0;
		}
		if (have && !have[0] && !m.bit_size && depth < ANONYMOUS_MAX &&
		    !find_member(ret_member, &m, name, len, depth + 1))
			return 0;
	}
}

int kt_typed_member(struct kt_typed *ret_member, const struct kt_typed *v, const char *name,
		    size_t len)
{
	return find_member(ret_member, v, name, len, 0);
}

int kt_typed_element(struct kt_typed *ret_element, const struct kt_typed *v, uint64_t index)
{
	const struct btf_type *t = kt_typed_type(v);
	__s64 size;

	if (!t || !btf_is_array(t))
		return KT_TYPED_E_TYPE;
	if (index >= btf_array(t)->nelems)
		return KT_TYPED_E_NONE;
	size = btf__resolve_size(v->btf, btf_array(t)->type);
	if (size < 0)
		return KT_TYPED_E_BOUNDS;
	return move(ret_element, v, btf_array(t)->type, index * (uint64_t)size);
}

static uint64_t load_bits(const struct kt_typed *v, uint32_t bit_size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < bit_size; i++) {
		uint64_t at = (uint64_t)v->bit_offset + i;

		value |= (uint64_t)(v->data[at / 8] >> (at % 8) & 1) << i;
	}
	return value;
}

static bool type_is_signed(const struct btf_type *t)
{
	if (btf_is_int(t))
		return btf_int_encoding(t) & BTF_INT_SIGNED;
	return btf_is_any_enum(t) && btf_kflag(t);
}

int kt_typed_integer(const struct kt_typed *v, uint64_t *ret_value, bool *ret_is_signed)
{
	const struct btf_type *t = kt_typed_type(v);
	uint32_t bits = v->bit_size;
	uint64_t value;

	if (!t || !(btf_is_int(t) || btf_is_any_enum(t) || btf_is_ptr(t)))
		return KT_TYPED_E_TYPE;
	if (!bits)
		bits = btf_is_ptr(t) ? 64 : t->size > 8 ? 0 : t->size * 8;
	if (!bits)
		return KT_TYPED_E_TYPE;
	if (((uint64_t)v->bit_offset + bits + 7) / 8 > v->len)
		return KT_TYPED_E_BOUNDS;
	value = load_bits(v, bits);
	*ret_is_signed = type_is_signed(t);
	if (*ret_is_signed && bits < 64 && value >> (bits - 1))
		value |= ~UINT64_C(0) << bits;
	*ret_value = value;
	return 0;
}

int kt_typed_variable_at(struct kt_typed *ret_variable, const char **ret_name,
			 const struct kt_typed *v, unsigned int i)
{
	const struct btf_type *t = kt_typed_type(v), *var;
	const struct btf_var_secinfo *info;
	int r;

	if (!t || !btf_is_datasec(t))
		return KT_TYPED_E_TYPE;
	if (i >= btf_vlen(t))
		return KT_TYPED_E_NONE;
	info = &btf_var_secinfos(t)[i];
	var = btf__type_by_id(v->btf, info->type);
	if (!var || !btf_is_var(var))
		return KT_TYPED_E_TYPE;
	r = move(ret_variable, v, var->type, info->offset);
	if (r)
		return r;
	*ret_name = btf__name_by_offset(v->btf, var->name_off);
	return 0;
}

int kt_typed_variable(struct kt_typed *ret_variable, const struct kt_typed *v, const char *name,
		      size_t len)
{
	const char *have;
	int r = 0;

	for (unsigned int i = 0; r != KT_TYPED_E_NONE && r != KT_TYPED_E_TYPE; i++) {
		r = kt_typed_variable_at(ret_variable, &have, v, i);
		if (!r && name_is(have, name, len))
			return 0;
	}
	return r;
}
