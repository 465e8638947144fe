/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-virtual memory by the guest's own page tables: 4 or 5 levels, pages of 4 KiB, 2 MiB and
 * 1 GiB (Intel SDM vol. 3, 4.5). Only what is mapped is read; permissions do not matter.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "monitor/memory/memory.h"
#include "proto/address.h"

struct kt_space {
	struct kt_memory *memory; /* borrowed */
	kt_gpa_t root;		  /* of the table of the highest level */
	unsigned int levels;	  /* 4 or 5 */
};

#define KT_CR4_LA57 (UINT64_C(1) << 12) /* SDM vol. 3, 2.5 */

/* The space of a vCPU, by its CR3 and CR4. */
struct kt_space kt_space_of(struct kt_memory *memory, uint64_t cr3, uint64_t cr4);

/*
 * All below: the conditions of enum kt_memory_condition. Negative errno: the source failed.
 * *ret_left: how many bytes from the address on lie in the same page, of whatever size.
 */
int kt_space_translate(const struct kt_space *space, kt_gva_t at, kt_gpa_t *ret_gpa,
		       uint64_t *ret_left) _kt_must_check_;

/* Reads len bytes; they may cross pages. *reterr_at: the first address that was not read. */
int kt_space_read(const struct kt_space *space, kt_gva_t at, void *buf, size_t len,
		  kt_gva_t *reterr_at) _kt_must_check_;

/*
 * Reads the pages of count addresses, with their page tables, in one call of the source per
 * level, so that kt_space_read() finds them. What is not mapped is no error here.
 */
int kt_space_bring(const struct kt_space *space, const kt_gva_t *at, size_t count) _kt_must_check_;
