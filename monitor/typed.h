/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A typed view: bytes and their BTF type. Callers make a view of a map's value and step to
 * members and elements; every step checks that its result lies within the bytes. BTF and
 * bytes may be hostile.
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
	size_t len;	     /* bytes from data to the end of the map's value */
	uint32_t bit_offset; /* bits from data to a bit field */
	uint32_t bit_size;   /* 0: not a bit field */
};

enum kt_typed_condition {
	KT_TYPED_E_NONE = KT_CONDITION(TYPED), /* the member, element or variable does not exist */
	KT_TYPED_E_TYPE,   /* the view has another kind of type than the step needs */
	KT_TYPED_E_BOUNDS, /* BTF places the result outside the bytes */
};

/* The type behind typedefs and qualifiers; NULL: a broken chain. All below: kt_typed_condition. */
const struct btf_type *kt_typed_type(const struct kt_typed *v);

/* The member with this name (len bytes) of a struct or union, also in anonymous members. */
int kt_typed_member(struct kt_typed *ret_member, const struct kt_typed *v, const char *name,
		    size_t len) _kt_must_check_;
/* Member number i in the order of BTF; *ret_name: borrowed from the BTF. */
int kt_typed_member_at(struct kt_typed *ret_member, const char **ret_name, const struct kt_typed *v,
		       unsigned int i) _kt_must_check_;
/* Element number index of an array. */
int kt_typed_element(struct kt_typed *ret_element, const struct kt_typed *v,
		     uint64_t index) _kt_must_check_;
/* The value of an integer, enum, bool or pointer, sign-extended if signed. */
int kt_typed_integer(const struct kt_typed *v, uint64_t *ret_value,
		     bool *ret_is_signed) _kt_must_check_;

/*
 * A variable of a data section (.bss, .data, .rodata), by name or by number i; v: the value
 * of the section's map.
 */
int kt_typed_variable(struct kt_typed *ret_variable, const struct kt_typed *v, const char *name,
		      size_t len) _kt_must_check_;
int kt_typed_variable_at(struct kt_typed *ret_variable, const char **ret_name,
			 const struct kt_typed *v, unsigned int i) _kt_must_check_;
