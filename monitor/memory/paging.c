/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page walks; see paging.h. A walk goes down one level per entry, so that tables that point
 * to themselves end it like any others.
 */
#include "base/cleanup.h"
#include "monitor/memory/paging.h"

#define PRESENT	     UINT64_C(1)
#define LARGE	     (UINT64_C(1) << 7)
#define ADDRESS_BITS UINT64_C(0x000ffffffffff000) /* of an entry, and of CR3 */

struct kt_space kt_space_of(struct kt_memory *memory, uint64_t cr3, uint64_t cr4)
{
	return (struct kt_space){ .memory = memory,
				  .root = KT_GPA(cr3 & ADDRESS_BITS),
				  .levels = cr4 & KT_CR4_LA57 ? 5 : 4 };
}

/* A walk on its way: the table to be read next, or where the page is. */
struct walk {
	uint64_t at;
	kt_gpa_t next;	    /* level > 0: the entry; 0: the byte */
	unsigned int level; /* of the table that the entry is in; 0: done */
	uint64_t left;
};

/* Bytes that an entry of this level covers. */
static uint64_t span(unsigned int level)
{
	return UINT64_C(1) << (12 + 9 * (level - 1));
}

static kt_gpa_t entry_of(uint64_t table, unsigned int level, uint64_t at)
{
	return KT_GPA(table + (at / span(level) % 512) * 8);
}

static int begin(struct walk *walk, const struct kt_space *space, uint64_t at)
{
	unsigned int unused = 64 - (12 + 9 * space->levels);

	if ((uint64_t)((int64_t)(at << unused) >> unused) != at)
		return KT_MEMORY_E_CANONICAL;
	*walk = (struct walk){ .at = at,
			       .next = entry_of(space->root.v, space->levels, at),
			       .level = space->levels };
	return 0;
}

/* Reads the entry, and goes one level down. */
static int step(struct walk *walk, const struct kt_space *space)
{
	uint64_t entry, size;

	KT_TRY(kt_memory_read(space->memory, walk->next, &entry, sizeof(entry)));
	if (!(entry & PRESENT))
		return KT_MEMORY_E_ABSENT;
	if (walk->level > 1 && !(entry & LARGE)) {
		walk->level--;
		walk->next = entry_of(entry & ADDRESS_BITS, walk->level, walk->at);
		return 0;
	}
	if (walk->level > 3) /* a reserved bit is set */
		return KT_MEMORY_E_ABSENT;
	size = span(walk->level);
	walk->level = 0;
	walk->left = size - walk->at % size;
	walk->next = KT_GPA((entry & ADDRESS_BITS & ~(size - 1)) + walk->at % size);
	return 0;
}

int kt_space_translate(const struct kt_space *space, kt_gva_t at, kt_gpa_t *ret_gpa,
		       uint64_t *ret_left)
{
	struct walk walk;

	KT_TRY(begin(&walk, space, at.v));
	while (walk.level)
		KT_TRY(step(&walk, space));
	*ret_gpa = walk.next;
	*ret_left = walk.left;
	return 0;
}

static int read_some(const struct kt_space *space, uint64_t at, void *buf, size_t len,
		     size_t *ret_some)
{
	uint64_t left = 0;
	kt_gpa_t gpa;
	size_t some;

	KT_TRY(kt_space_translate(space, KT_GVA(at), &gpa, &left));
	left = KT_MIN(left, KT_PAGE_SIZE - at % KT_PAGE_SIZE);
	some = KT_MIN(len, (size_t)left);
	*ret_some = some;
	return kt_forward(kt_memory_read(space->memory, gpa, buf, some));
}

int kt_space_read(const struct kt_space *space, kt_gva_t at, void *buf, size_t len,
		  kt_gva_t *reterr_at)
{
	size_t some = 0;
	int r;

	for (size_t done = 0; done < len; done += some) {
		r = read_some(space, at.v + done, (uint8_t *)buf + done, len - done, &some);
		if (r) {
			*reterr_at = KT_GVA(at.v + done);
			return kt_forward(r);
		}
	}
	return 0;
}

/* Reads what all walks need next, then moves them on. Returns how many are on their way. */
static int move(struct walk *walks, size_t count, const struct kt_space *space, size_t *ret_count)
{
	kt_gpa_t next[KT_MEMORY_BATCH];
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		next[i] = walks[i].next;
	KT_TRY(kt_memory_bring(space->memory, next, count));
	for (size_t i = 0; i < count; i++) {
		int r = walks[i].level ? step(&walks[i], space) : KT_MEMORY_E_ABSENT;

		if (r < 0)
			return kt_forward(r);
		if (!r)
			walks[left++] = walks[i];
	}
	*ret_count = left;
	return 0;
}

static int bring_batch(const struct kt_space *space, const kt_gva_t *at, size_t count)
{
	struct walk walks[KT_MEMORY_BATCH];
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		left += !begin(&walks[left], space, at[i].v);
	while (left)
		KT_TRY(move(walks, left, space, &left));
	return 0;
}

int kt_space_bring(const struct kt_space *space, const kt_gva_t *at, size_t count)
{
	for (size_t done = 0; done < count; done += KT_MEMORY_BATCH)
		KT_TRY(bring_batch(space, at + done,
				   KT_MIN(count - done, (size_t)KT_MEMORY_BATCH)));
	return 0;
}
