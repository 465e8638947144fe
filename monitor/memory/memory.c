/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of guest-physical memory that were read; see memory.h. A page is found by an
 * open-addressed table; when the pages exceed their limit, all are dropped, which costs time
 * and changes no result.
 */
#include <string.h>

#include "base/cleanup.h"
#include "monitor/memory/memory.h"

#define SLOTS	  16384u	      /* a power of two */
#define PAGES_MAX (SLOTS / 2)	      /* 32 MiB */
#define ADDRESSES (UINT64_C(1) << 52) /* MAXPHYADDR is at most 52: SDM vol. 3, 4.1.4 */

struct page {
	uint64_t number; /* guest-physical address / KT_PAGE_SIZE */
	uint8_t *data;	 /* owned; NULL: the page is not RAM */
	bool used;
};

struct kt_memory {
	struct kt_memory_source source;
	struct page slots[SLOTS];
	size_t count;
	uint64_t calls;
};

const char *kt_memory_problem(int condition)
{
	switch (condition) {
	case KT_MEMORY_E_RANGE:
		return "not guest RAM";
	case KT_MEMORY_E_ABSENT:
		return "page not present";
	case KT_MEMORY_E_CANONICAL:
		return "not an address";
	default:
		return "cannot be read";
	}
}

int kt_memory_new(struct kt_memory **ret_memory, const struct kt_memory_source *source)
{
	struct kt_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return kt_raise(-ENOMEM);
	memory->source = *source;
	*ret_memory = memory;
	return 0;
}

void kt_memory_forget(struct kt_memory *memory)
{
	for (size_t i = 0; memory->count && i < SLOTS; i++) {
		free(memory->slots[i].data);
		memory->slots[i] = (struct page){ .used = false };
	}
	memory->count = 0;
}

struct kt_memory *kt_memory_free(struct kt_memory *memory)
{
	if (memory)
		kt_memory_forget(memory);
	free(memory);
	return NULL;
}

/* The slot of the page, or the free one where it belongs. */
static struct page *find(struct kt_memory *memory, uint64_t number)
{
	size_t i = (number * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (SLOTS - 1);

	while (memory->slots[i].used && memory->slots[i].number != number)
		i = (i + 1) & (SLOTS - 1);
	return &memory->slots[i];
}

int kt_memory_scan(const struct kt_memory *memory, struct kt_memory_piece *pieces, size_t count)
{
	struct kt_memory *counted = (struct kt_memory *)memory;

	counted->calls++;
	for (size_t i = 0; i < count; i++)
		pieces[i].is_ram = false;
	return kt_forward(memory->source.read(memory->source.arg, pieces, count));
}

/* Takes up the pages that were read; those that are not RAM stay known as such. */
static void settle(struct kt_memory *memory, const struct kt_memory_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct page *page = find(memory, pieces[i].at.v / KT_PAGE_SIZE);

		if (pieces[i].is_ram)
			continue;
		free(page->data);
		page->data = NULL;
	}
}

/* A slot for a page that is to be read. */
static int claim(struct kt_memory *memory, uint64_t number, struct kt_memory_piece *ret_piece)
{
	struct page *page = find(memory, number);

	page->data = malloc(KT_PAGE_SIZE);
	if (!page->data)
		return kt_raise(-ENOMEM);
	page->number = number;
	page->used = true;
	memory->count++;
	*ret_piece = (struct kt_memory_piece){ .at = KT_GPA(number * KT_PAGE_SIZE),
					       .to = page->data,
					       .len = KT_PAGE_SIZE };
	return 0;
}

static int read_batch(struct kt_memory *memory, const kt_gpa_t *at, size_t count)
{
	struct kt_memory_piece pieces[KT_MEMORY_BATCH];
	size_t wanted = 0;
	int r = 0;

	if (memory->count + count > PAGES_MAX)
		kt_memory_forget(memory);
	for (size_t i = 0; !r && i < count; i++) {
		uint64_t number = at[i].v / KT_PAGE_SIZE;

		if (at[i].v < ADDRESSES && !find(memory, number)->used) {
			r = claim(memory, number, &pieces[wanted]);
			wanted += !r;
		}
	}
	if (!r && wanted)
		r = kt_memory_scan(memory, pieces, wanted);
	if (r)
		kt_memory_forget(memory); /* some pages have no bytes yet */
	else
		settle(memory, pieces, wanted);
	return kt_forward(r);
}

int kt_memory_bring(struct kt_memory *memory, const kt_gpa_t *at, size_t count)
{
	for (size_t done = 0; done < count; done += KT_MEMORY_BATCH)
		KT_TRY(read_batch(memory, at + done,
				  KT_MIN(count - done, (size_t)KT_MEMORY_BATCH)));
	return 0;
}

int kt_memory_read(struct kt_memory *memory, kt_gpa_t at, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t offset = at.v % KT_PAGE_SIZE;
		size_t some = KT_MIN(len, (size_t)(KT_PAGE_SIZE - offset));
		const struct page *page;

		if (at.v >= ADDRESSES)
			return KT_MEMORY_E_RANGE;
		KT_TRY(kt_memory_bring(memory, &at, 1));
		page = find(memory, at.v / KT_PAGE_SIZE);
		if (!page->data)
			return KT_MEMORY_E_RANGE;
		memcpy(to, page->data + offset, some);
		to += some;
		at.v += some;
		len -= some;
	}
	return 0;
}

const struct kt_memory_range *kt_memory_ranges(const struct kt_memory *memory, size_t *ret_count)
{
	*ret_count = memory->source.range_count;
	return memory->source.ranges;
}

uint64_t kt_memory_calls(const struct kt_memory *memory)
{
	return memory->calls;
}
