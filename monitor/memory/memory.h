/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest-physical memory of a guest that stands still, from whatever holds it: a machine,
 * a bake's files, a core file, bytes that a test made up. A source reads many pieces in one call;
 * pages that were read are kept until kt_memory_forget(), so that a freeze reads each page once.
 *
 * What is read is the guest's: any address in it may be anything. An address that is not RAM
 * is a condition.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/address.h"

#define KT_PAGE_SIZE UINT64_C(4096) /* bytes */

enum kt_memory_condition {
	KT_MEMORY_E_RANGE = KT_CONDITION(MEMORY), /* not guest RAM */
	KT_MEMORY_E_ABSENT,    /* no page is mapped at the guest-virtual address */
	KT_MEMORY_E_CANONICAL, /* not an address: its upper bits differ */
};

/* Static text for a condition: "page not present". */
const char *kt_memory_problem(int condition);

/* A range of guest-physical addresses that is RAM. */
struct kt_memory_range {
	kt_gpa_t start;
	uint64_t len;
};

struct kt_memory_source {
	/* Reads count pieces. Negative errno: nothing can be read any more. */
	int (*read)(void *arg, struct kt_memory_piece *pieces, size_t count);
	void *arg;
	const struct kt_memory_range *ranges; /* all RAM, sorted; borrowed */
	size_t range_count;
};

struct kt_memory;

/* source is copied; its arg and ranges are borrowed until kt_memory_free(). */
int kt_memory_new(struct kt_memory **ret_memory,
		  const struct kt_memory_source *source) _kt_must_check_;
struct kt_memory *kt_memory_free(struct kt_memory *memory); /* returns NULL */

/* Drops all pages that were read: the guest has run. */
void kt_memory_forget(struct kt_memory *memory);

/* Reads len bytes; they may cross pages. KT_MEMORY_E_RANGE: none or some were read. */
int kt_memory_read(struct kt_memory *memory, kt_gpa_t at, void *buf, size_t len) _kt_must_check_;

#define KT_MEMORY_BATCH 512 /* pages in one call of the source */

/*
 * Reads the pages of count addresses in as few calls of the source as possible, so that
 * kt_memory_read() finds them. Addresses that are not RAM are no error here.
 */
int kt_memory_bring(struct kt_memory *memory, const kt_gpa_t *at, size_t count) _kt_must_check_;

/* Reads count pieces past the pages that are kept, and keeps none. For searches. */
int kt_memory_scan(const struct kt_memory *memory, struct kt_memory_piece *pieces,
		   size_t count) _kt_must_check_;

/* All RAM, sorted; borrowed. */
const struct kt_memory_range *kt_memory_ranges(const struct kt_memory *memory, size_t *ret_count);

/* How often the source was called, since kt_memory_new(). */
uint64_t kt_memory_calls(const struct kt_memory *memory);
