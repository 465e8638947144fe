/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RAM of a guest, with page tables: the first byte selects their levels, the rest is RAM from
 * guest-physical address 0 on, whose first page is the top table. Addresses that have an entry in
 * it are walked and read.
 */
#include <stdlib.h>

#include "monitor/memory/paging.h"
#include "monitor/memory/regions.h"
#include "tests/fuzz/fuzz.h"

static void look(const struct kt_space *space)
{
	kt_gva_t at[64], bad;
	uint8_t bytes[128];
	kt_gpa_t gpa;
	uint64_t left;

	for (uint64_t i = 0; i < 64; i++) {
		/* Each entry of the lower half, at changing places below. */
		uint64_t slot = i * 4 % 512, below = i * 0x9e3779b97f4a7c15 >> 20;

		at[i] = KT_GVA(
			(uint64_t)((int64_t)((slot << 39 | (below & 0x7fffffffff)) << 16) >> 16));
		if (!kt_space_translate(space, at[i], &gpa, &left) && !left)
			abort();
		(void)!kt_space_read(space, at[i], bytes, sizeof(bytes), &bad);
	}
	(void)!kt_space_bring(space, at, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_regions regions = KT_REGIONS_INIT;
	struct kt_memory_source source;
	struct kt_memory *memory;

	if (size < 2)
		return 0;
	if (kt_regions_add_bytes(&regions, KT_GPA(0), data + 1, size - 1, NULL))
		abort();
	source = kt_regions_source(&regions);
	if (!kt_memory_new(&memory, &source)) {
		const struct kt_space space = { .memory = memory, .levels = data[0] & 1 ? 5 : 4 };

		look(&space);
		kt_memory_free(memory);
	}
	kt_regions_deinit(&regions);
	return 0;
}
