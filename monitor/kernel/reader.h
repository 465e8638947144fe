/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a running kernel's data by names: symbols and members of structs. A read that fails names
 * the trail that led to it: "cpu 2 -> rq.curr -> task_struct.comm: page not present at 0x...".
 *
 * The guest's data may be anything. A reader bounds each single read; kernel/walk.h bounds lists,
 * trees and tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "monitor/kernel/symbols.h"
#include "monitor/kernel/trail.h"
#include "monitor/kernel/types.h"
#include "monitor/memory/paging.h"

/* All functions with diag: it says what was read and why that failed. */
enum kt_reader_condition {
	KT_READER_E_MEMORY = KT_CONDITION(READER), /* the guest's memory cannot be read there */
	KT_READER_E_SYMBOL,			   /* the kernel has no such symbol, or several */
	KT_READER_E_NULL,			   /* a pointer on the way is NULL */
	KT_READER_E_TYPE, /* the kernel has no such type or member, or it is not a number */
};

struct kt_reader {
	struct kt_space space;
	const struct kt_symbols *symbols; /* borrowed; placed */
	const struct kt_types *types;	  /* borrowed */
	uint64_t direct_map; /* address of guest-physical 0 in the direct map; 0: none */
	struct kt_trail trail;
};

int kt_read_bytes(struct kt_reader *reader, uint64_t at, void *buf, size_t len,
		  struct kt_diag *diag) _kt_must_check_;
int kt_read_u64(struct kt_reader *reader, uint64_t at, uint64_t *ret_value,
		struct kt_diag *diag) _kt_must_check_;
int kt_read_u32(struct kt_reader *reader, uint64_t at, uint32_t *ret_value,
		struct kt_diag *diag) _kt_must_check_;

/* A number or a pointer, at a place in the struct at `base`; sign-extended. KT_READER_E_TYPE. */
int kt_read_number(struct kt_reader *reader, uint64_t base, const struct kt_place *place,
		   uint64_t *ret_value, struct kt_diag *diag) _kt_must_check_;
/* kt_read_number() of a pointer that must not be NULL. KT_READER_E_NULL. */
int kt_read_pointer(struct kt_reader *reader, uint64_t base, const struct kt_place *place,
		    uint64_t *ret_address, struct kt_diag *diag) _kt_must_check_;

/*
 * A text that ends in 0, or after size - 1 bytes, or where a page is not present; it must have one
 * byte. Bytes that are not printable become '?'.
 */
int kt_read_text(struct kt_reader *reader, uint64_t at, char *buf, size_t size,
		 struct kt_diag *diag) _kt_must_check_;

/* The address of a symbol. KT_READER_E_SYMBOL. */
int kt_read_symbol(struct kt_reader *reader, const char *name, uint64_t *ret_address,
		   struct kt_diag *diag) _kt_must_check_;
/* The number in the variable of a symbol, `size` bytes, 1 to 8. */
int kt_read_variable(struct kt_reader *reader, const char *name, size_t size, uint64_t *ret_value,
		     struct kt_diag *diag) _kt_must_check_;

/*
 * Follows "curr->scx.dsq->id" from the struct `type` at `base`: *ret_base and *ret_place are the
 * struct that the last member is in and its place there.
 */
int kt_read_chain(struct kt_reader *reader, const char *type, uint64_t base, const char *chain,
		  uint64_t *ret_base, struct kt_place *ret_place,
		  struct kt_diag *diag) _kt_must_check_;

/* Reads the pages of count addresses at once. What cannot be read is no error here. */
int kt_read_ahead(struct kt_reader *reader, const uint64_t *at, size_t count) _kt_must_check_;
