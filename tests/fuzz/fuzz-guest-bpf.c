/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heap of a guest with a BPF map at its start: the map is read as what it says it is, and as a
 * ring buffer and an arena.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/maps-sample.h"

static struct maps m;

static void look(const struct kt_guest_map *map)
{
	struct kt_bpf_values values;
	struct kt_bpf_ringbuf ring;
	struct kt_bpf_arena arena;
	uint64_t word;

	if (!kt_bpf_values_read(&m.view, map, &values, NULL)) {
		size_t entry = values.entries ? values.data.len / values.entries : 0;

		if (values.data.len > KT_MAP_BYTES_MAX || entry * values.entries != values.data.len)
			abort();
		kt_bpf_values_deinit(&values);
	}
	(void)!kt_bpf_ringbuf_read(&m.view, map, &ring, NULL);
	if (!kt_bpf_arena_read(&m.view, map, &arena, NULL))
		(void)!kt_bpf_arena_bytes(&m.view, &arena, arena.user_start, &word, 8, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_guest_map map;

	if (!m.c.types)
		maps_init(&m);
	memset(m.c.g.ram, 0, HEAP_BYTES);
	if (size)
		memcpy(m.c.g.ram, data, KT_MIN(size, (size_t)HEAP_BYTES));
	kt_memory_forget(m.c.g.memory);
	if (!kt_bpf_map_read(&m.view, HEAP, &map, NULL))
		look(&map);
	return 0;
}
