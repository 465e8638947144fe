/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash of a struct by its table; see fields.h. Canonical form: a number is 8 bytes; a
 * text has its terminating 0; a NULL text is 0xff; a list has a 1 before each element and
 * a 0 after the last, and a pointer to one struct is a list of one.
 */
#include <stdbool.h>
#include <string.h>

#include <xxhash.h>

#include "base/fields.h"

static void hash_number(XXH3_state_t *h, uint64_t v)
{
	XXH3_64bits_update(h, &v, sizeof(v));
}

static void hash_text(XXH3_state_t *h, const char *s)
{
	XXH3_64bits_update(h, s ?: "\xff", s ? strlen(s) + 1 : 1);
}

static void hash_texts(XXH3_state_t *h, const char *const *list)
{
	for (; list && *list; list++)
		hash_text(h, *list);
	hash_text(h, NULL);
}

int64_t kt_field_number(const struct kt_field *field, const void *p)
{
	const char *at = (const char *)p + field->offset;

	switch (field->size) {
	case 1:
		return *(const uint8_t *)at;
	case 4:
		return *(const int32_t *)at;
	default:
		return *(const int64_t *)at;
	}
}

static void hash_struct(XXH3_state_t *h, const struct kt_fields *of, const void *p);

bool kt_field_is_set(const struct kt_field *field, const void *p)
{
	const char *at = (const char *)p + field->offset;

	if (field->kind != KT_FIELD_STRUCT) {
		for (size_t i = 0; i < field->size; i++)
			if (at[i])
				return true;
		return false;
	}
	for (const struct kt_field *f = field->of->list; f->name; f++)
		if (kt_field_is_set(f, at))
			return true;
	return false;
}

static void hash_list(XXH3_state_t *h, const struct kt_field *f, const char *p)
{
	for (; p && (f->kind == KT_FIELD_ONE || kt_field_is_set(&f->of->list[0], p));
	     p += f->of->size) {
		hash_number(h, 1);
		hash_struct(h, f->of, p);
		if (f->kind == KT_FIELD_ONE)
			break;
	}
	hash_number(h, 0);
}

static void hash_field(XXH3_state_t *h, const struct kt_field *f, const void *p)
{
	const char *at = (const char *)p + f->offset;

	switch (f->kind) {
	case KT_FIELD_NUMBER:
		return hash_number(h, (uint64_t)kt_field_number(f, p));
	case KT_FIELD_NUMBERS:
		XXH3_64bits_update(h, at, f->size);
		return;
	case KT_FIELD_TEXT:
		return hash_text(h, *(const char *const *)at);
	case KT_FIELD_TEXTS:
		return hash_texts(h, *(const char *const *const *)at);
	case KT_FIELD_STRUCT:
		return hash_struct(h, f->of, at);
	case KT_FIELD_ONE:
	case KT_FIELD_LIST:
		return hash_list(h, f, *(const char *const *)at);
	case KT_FIELD_APART:
		return;
	}
}

static void hash_struct(XXH3_state_t *h, const struct kt_fields *of, const void *p)
{
	for (const struct kt_field *f = of->list; f->name; f++)
		hash_field(h, f, p);
}

uint64_t kt_fields_hash(const struct kt_fields *of, const void *p, uint64_t seed)
{
	XXH3_state_t h;

	XXH3_INITSTATE(&h);
	XXH3_64bits_reset_withSeed(&h, seed);
	hash_struct(&h, of, p);
	return XXH3_64bits_digest(&h);
}
