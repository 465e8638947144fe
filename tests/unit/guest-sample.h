/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a guest, made up: RAM from guest-physical address 0 on, page tables that grow
 * downwards from its end, and bytes that are put at guest-virtual addresses.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "monitor/memory/memory.h"
#include "monitor/memory/paging.h"
#include "monitor/memory/regions.h"

struct guest {
	uint8_t *ram;
	uint64_t size, tables; /* bytes; start of the lowest page table */
	struct kt_regions regions;
	struct kt_memory *memory;
	struct kt_space space;
};

static inline uint64_t guest_table(struct guest *g)
{
	g->tables -= KT_PAGE_SIZE;
	memset(g->ram + g->tables, 0, KT_PAGE_SIZE);
	return g->tables;
}

static inline void guest_init(struct guest *g, uint64_t size, unsigned int levels)
{
	struct kt_memory_source source;

	*g = (struct guest){ .ram = calloc(1, size), .size = size, .tables = size };
	g->space = (struct kt_space){ .levels = levels, .root = KT_GPA(guest_table(g)) };
	if (kt_regions_add_bytes(&g->regions, KT_GPA(0), g->ram, size, NULL))
		abort();
	source = kt_regions_source(&g->regions);
	if (kt_memory_new(&g->memory, &source))
		abort();
	g->space.memory = g->memory;
}

static inline void guest_deinit(struct guest *g)
{
	kt_memory_free(g->memory);
	kt_regions_deinit(&g->regions);
	free(g->ram);
}

/* The entry of this level for the address; its tables are made. */
static inline uint64_t *guest_entry(struct guest *g, uint64_t at, unsigned int level)
{
	uint64_t table = g->space.root.v, *entry;

	for (unsigned int l = g->space.levels;; l--) {
		entry = (uint64_t *)(void *)(g->ram + table) + (at >> (12 + 9 * (l - 1))) % 512;
		if (l == level)
			return entry;
		if (!*entry)
			*entry = guest_table(g) | 0x63;
		table = *entry & UINT64_C(0x000ffffffffff000);
	}
}

/* Maps one page: level 1: 4 KiB, 2: 2 MiB, 3: 1 GiB. */
static inline void guest_map(struct guest *g, uint64_t at, uint64_t gpa, unsigned int level)
{
	*guest_entry(g, at, level) = gpa | 0x63 | (level > 1 ? 0x80 : 0);
	kt_memory_forget(g->memory);
}

/* Where the bytes of a guest-virtual address are. */
static inline uint8_t *guest_at(struct guest *g, uint64_t at)
{
	uint64_t left;
	kt_gpa_t gpa;

	if (kt_space_translate(&g->space, KT_GVA(at), &gpa, &left) || gpa.v >= g->size)
		abort();
	return g->ram + gpa.v;
}

static inline void guest_put(struct guest *g, uint64_t at, const void *data, size_t len)
{
	const uint8_t *from = data;
	size_t some;

	for (; len; at += some, from += some, len -= some) {
		some = KT_MIN(len, (size_t)(KT_PAGE_SIZE - at % KT_PAGE_SIZE));
		memcpy(guest_at(g, at), from, some);
	}
	kt_memory_forget(g->memory);
}

static inline void guest_put_u64(struct guest *g, uint64_t at, uint64_t value)
{
	guest_put(g, at, &value, sizeof(value));
}

static inline void guest_put_u32(struct guest *g, uint64_t at, uint32_t value)
{
	guest_put(g, at, &value, sizeof(value));
}
