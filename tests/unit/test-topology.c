/* SPDX-License-Identifier: GPL-2.0-only */
/* Topology notation. */
#include <string.h>

#include "proto/topology.h"
#include "tests/unit/test.h"

static void test_good_ones(void **state)
{
	static const struct {
		const char *text;
		unsigned int cpus;
	} cases[] = {
		{ "1n1l1c1t", 1 },  { "1n1l2c1t", 2 },	   { "2n4l4c2t", 32 },
		{ "1n3l5c1t", 15 }, { "1n1l256c1t", 256 }, { "64n64l1c1t", 64 },
	};
	char text[KT_TOPOLOGY_TEXT_MAX];
	struct kt_topology t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(kt_topology_parse(&t, cases[i].text, NULL), 0);
		assert_int_equal(kt_topology_cpus(&t), cases[i].cpus);
		assert_string_equal(kt_topology_format(&t, text), cases[i].text);
	}
}

static void test_bad_ones_say_why(void **state)
{
	static const struct {
		const char *text;
		const char *word;
	} cases[] = {
		{ "", "1n1l2c1t" },	      { "1n1l2c", "1n1l2c1t" },
		{ "1n1l2c1t ", "1n1l2c1t" },  { "0n1l2c1t", "1n1l2c1t" },
		{ "01n1l2c1t", "1n1l2c1t" },  { "1n1l-2c1t", "1n1l2c1t" },
		{ "1l1n2c1t", "1n1l2c1t" },   { "99999999999999999999n1l1c1t", "1n1l2c1t" },
		{ "2n3l1c1t", "evenly" },     { "1n2l256c1t", "512 CPUs" },
		{ "65n65l1c1t", "65 nodes" },
	};
	struct kt_topology t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kt_diag diag = KT_DIAG_INIT;

		assert_int_equal(kt_topology_parse(&t, cases[i].text, &diag), KT_TOPOLOGY_E_FORM);
		if (!strstr(diag.cause, cases[i].word))
			fail_msg("'%s': %s", cases[i].text, diag.cause);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_ones),
		cmocka_unit_test(test_bad_ones_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
