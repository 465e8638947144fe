/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of a struct as a table, for code that treats all members alike.
 *
 *	#define POINT(F, T) F(T, name, TEXT) F(T, x, NUMBER) F(T, next, ONE, point)
 *	KT_FIELDS(point, POINT);
 *
 * defines point_fields, the table of struct point. The compiler refuses a member without a
 * row, a row without a member, a member with two rows and a row of the wrong kind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kt_field_kind {
	KT_FIELD_NUMBER,  /* integer, bool or enum */
	KT_FIELD_NUMBERS, /* array of uint64_t, or a struct with only uint64_t members */
	KT_FIELD_TEXT,	  /* const char *, or NULL */
	KT_FIELD_TEXTS,	  /* const char *const *, NULL-terminated; or NULL */
	KT_FIELD_STRUCT,  /* another struct, embedded */
	KT_FIELD_ONE,	  /* pointer to another struct, or NULL */
	KT_FIELD_LIST,	/* pointer to an array of structs, ended by a first member of 0; or NULL */
	KT_FIELD_APART, /* not hashed: only host or only guest has it, or only people read it */
};

struct kt_fields;

struct kt_field {
	const char *name; /* NULL ends a table */
	enum kt_field_kind kind;
	uint16_t offset, size;	    /* bytes */
	const struct kt_fields *of; /* STRUCT, ONE, LIST: the other struct */
};

struct kt_fields {
	const struct kt_field *list;
	size_t size; /* size of the struct, bytes */
};

/* XXH3-64 over the members of the struct at p, in order, except KT_FIELD_APART. */
uint64_t kt_fields_hash(const struct kt_fields *of, const void *p, uint64_t seed);

/* The value of the KT_FIELD_NUMBER member of the struct at p, sign-extended if signed. */
int64_t kt_field_number(const struct kt_field *field, const void *p);

/* Whether the member of the struct at p is not 0; KT_FIELD_STRUCT: any of its members. */
bool kt_field_is_set(const struct kt_field *field, const void *p);

/*
 * The values of all rows initialise a struct in order: the compiler names a member without
 * a row (-Wmissing-field-initializers) and refuses a value of another type.
 */
/* clang-format off */
#define KT_FIELDS(type, LIST) \
	struct type##_once { LIST(KT_FIELD_ONCE_, type) }; \
	_Pragma("GCC diagnostic push") \
	_Pragma("GCC diagnostic error \"-Wmissing-field-initializers\"") \
	static const struct type type##_values __attribute__((unused)) = { \
		LIST(KT_FIELD_VALUE_, type) }; \
	_Pragma("GCC diagnostic pop") \
	const struct kt_fields type##_fields = { \
		(const struct kt_field[]){ LIST(KT_FIELD_ROW_, type) { 0 } }, sizeof(struct type) }

#define KT_FIELD_ONCE_(T, member, kind, ...) char member;
#define KT_FIELD_VALUE_(T, member, kind, ...) KT_FIELD_VALUE_##kind(__VA_ARGS__),
#define KT_FIELD_ROW_(T, member, kind, ...) \
	{ #member, KT_FIELD_##kind, offsetof(struct T, member), sizeof(((struct T *)0)->member), \
	  KT_FIELD_OF_##kind(__VA_ARGS__) },
#define KT_FIELD_VALUE_NUMBER() 1
#define KT_FIELD_VALUE_NUMBERS() { 1 }
#define KT_FIELD_VALUE_TEXT() (const char *)0
#define KT_FIELD_VALUE_TEXTS() (const char *const *)0
#define KT_FIELD_VALUE_STRUCT(of) { 0 }
#define KT_FIELD_VALUE_ONE(of) (const struct of *)0
#define KT_FIELD_VALUE_LIST(of) (const struct of *)0
#define KT_FIELD_VALUE_APART() 0

#define KT_FIELD_OF_NUMBER() NULL
#define KT_FIELD_OF_NUMBERS() NULL
#define KT_FIELD_OF_TEXT() NULL
#define KT_FIELD_OF_TEXTS() NULL
#define KT_FIELD_OF_STRUCT(of) &of##_fields
#define KT_FIELD_OF_ONE(of) &of##_fields
#define KT_FIELD_OF_LIST(of) &of##_fields
#define KT_FIELD_OF_APART() NULL
/* clang-format on */
