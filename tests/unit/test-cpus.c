/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs, of a machine with two nodes and LLCs that differ; one CPU is offline. */
#include <string.h>

#include "base/cleanup.h"
#include "ops/cpus.h"
#include "tests/unit/test.h"

/* cpu, node, llc, core */
static const struct kt_cpu_place places[] = {
	{ 0, 0, 0, 0 }, { 1, 0, 0, 1 }, { 2, 0, 1, 2 }, { 4, 1, 2, 3 },
	{ 5, 1, 2, 4 }, { 6, 1, 2, 5 }, { 7, 1, 3, 6 },
};

TEST(test_sets)
{
	static const struct {
		struct kt_cpus cpus;
		int r;
		const char *list;
	} cases[] = {
		{ { KT_CPUS_KIND_ALL }, 0, "0-2,4-7" },
		{ { KT_CPUS_KIND_LIST, "1,4-6" }, 0, "1,4-6" },
		{ { KT_CPUS_KIND_LIST, "6,0" }, 0, "0,6" },
		{ { KT_CPUS_KIND_LIST, "" }, KT_CPUS_E_EMPTY, "" },
		{ { KT_CPUS_KIND_LIST, "3" }, KT_CPUS_E_OUTSIDE, NULL },
		{ { KT_CPUS_KIND_LIST, "0-3" }, KT_CPUS_E_OUTSIDE, NULL },
		{ { KT_CPUS_KIND_LIST, "99999999999999999999" }, KT_CPUS_E_OUTSIDE, NULL },
		{ { KT_CPUS_KIND_LIST, "2-1" }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LIST, "1," }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LIST, "1-" }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LIST, "a" }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LIST, "1 2" }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LIST, NULL }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_LLC, NULL, 2 }, 0, "4-6" },
		{ { KT_CPUS_KIND_LLC, NULL, 4 }, KT_CPUS_E_OUTSIDE, NULL },
		{ { KT_CPUS_KIND_NODE, NULL, 1 }, 0, "4-7" },
		{ { KT_CPUS_KIND_NODE, NULL, 2 }, KT_CPUS_E_OUTSIDE, NULL },
		{ { KT_CPUS_KIND_PERCENT, NULL, 50 }, 0, "0-2,4" },
		{ { KT_CPUS_KIND_PERCENT, NULL, 1 }, 0, "0" },
		{ { KT_CPUS_KIND_PERCENT, NULL, 0 }, KT_CPUS_E_EMPTY, "" },
		{ { KT_CPUS_KIND_PERCENT, NULL, 101 }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_PART, NULL, 0, 2 }, 0, "0-2" },
		{ { KT_CPUS_KIND_PART, NULL, 1, 2 }, 0, "4-7" },
		{ { KT_CPUS_KIND_PART, NULL, 2, 2 }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_PART, NULL, 0, 0 }, KT_CPUS_E_FORM, NULL },
		{ { KT_CPUS_KIND_PART, NULL, 0, 9 }, KT_CPUS_E_EMPTY, "" },
		{ { KT_CPUS_KIND_OVERLAP, NULL, 0, 2 }, 0, "0-2,4-5" },
		{ { KT_CPUS_KIND_OVERLAP, NULL, 1, 2 }, 0, "0-1,4-7" },
		{ { KT_CPUS_KIND_COUNT_ }, KT_CPUS_E_FORM, NULL },
	};
	char list[KT_CPU_LIST_MAX];
	struct kt_cpu_mask mask;

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			kt_cpus_resolve(&mask, &cases[i].cpus, places, KT_ARRAY_SIZE(places)),
			cases[i].r);
		if (cases[i].list)
			assert_string_equal(kt_cpu_mask_format(&mask, list), cases[i].list);
	}
}

/* Parts have no CPU in common and leave none out, however many there are. */
TEST(test_parts)
{
	unsigned int seen;

	for (unsigned int n = 1; n <= 10; n++) {
		struct kt_cpu_mask all = { 0 };

		seen = 0;
		for (unsigned int i = 0; i < n; i++) {
			const struct kt_cpus part = KT_CPUS_PART(i, n);
			struct kt_cpu_mask mask;
			int r = kt_cpus_resolve(&mask, &part, places, KT_ARRAY_SIZE(places));

			assert_true(!r || r == KT_CPUS_E_EMPTY);
			seen += kt_cpu_mask_count(&mask);
			all.words[0] |= mask.words[0];
		}
		assert_int_equal(seen, KT_ARRAY_SIZE(places));
		assert_int_equal(kt_cpu_mask_count(&all), KT_ARRAY_SIZE(places));
	}
}

TEST(test_longest_list)
{
	struct kt_cpu_mask mask;
	char list[KT_CPU_LIST_MAX];

	for (size_t i = 0; i < KT_CPUS_MAX / 64; i++)
		mask.words[i] = UINT64_C(0x5555555555555555);
	assert_true(strlen(kt_cpu_mask_format(&mask, list)) < sizeof(list) - 1);
	assert_string_equal(list + strlen(list) - 3, "254");
	memset(&mask, 0xff, sizeof(mask));
	assert_string_equal(kt_cpu_mask_format(&mask, list), "0-255");
}
