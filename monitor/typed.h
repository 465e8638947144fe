/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A typed view of bytes: where a value lies and what BTF says it is. Views are
 * made from map contents and walked member by member; every step checks that
 * the value it leads to lies within the bytes. BTF and bytes may be hostile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "base/error.h"

struct kt_typed {
	const struct btf *btf; /* borrowed */
	uint32_t type_id;
	const uint8_t *data; /* borrowed; start of the value */
	size_t len;	     /* bytes from there to the end of what is known */
	uint32_t bit_offset; /* of a bit field, from data */
	uint32_t bit_size;   /* 0: not a bit field */
};

enum kt_typed_condition {
	KT_TYPED_E_NONE = KT_CONDITION(TYPED), /* no such member or element */
	KT_TYPED_E_TYPE,		       /* not of the type the step needs */
	KT_TYPED_E_BOUNDS,		       /* BTF places the value outside the bytes */
};

/* The type behind typedefs and qualifiers; NULL if the chain is broken. */
const struct btf_type *kt_typed_type(const struct kt_typed *v);

/* Member of a struct or union, also of anonymous ones in it; name has len bytes. */
int kt_typed_member(struct kt_typed *ret_member, const struct kt_typed *v, const char *name,
		    size_t len) _kt_must_check_;
/* Member number i, as BTF lists them; *ret_name is borrowed from the BTF. */
int kt_typed_member_at(struct kt_typed *ret_member, const char **ret_name, const struct kt_typed *v,
		       unsigned int i) _kt_must_check_;
/* Element of an array. */
int kt_typed_element(struct kt_typed *ret_element, const struct kt_typed *v,
		     uint64_t index) _kt_must_check_;
/* An integer, enum, bool or pointer; signed ones are sign-extended. */
int kt_typed_integer(const struct kt_typed *v, uint64_t *ret_value,
		     bool *ret_is_signed) _kt_must_check_;

/*
 * Variable of a data section (.bss, .data, .rodata): v is the section's value.
 * _at gives variable number i and KT_TYPED_E_NONE behind the last.
 */
int kt_typed_variable(struct kt_typed *ret_variable, const struct kt_typed *v, const char *name,
		      size_t len) _kt_must_check_;
int kt_typed_variable_at(struct kt_typed *ret_variable, const char **ret_name,
			 const struct kt_typed *v, unsigned int i) _kt_must_check_;
