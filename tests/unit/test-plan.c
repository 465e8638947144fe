/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting scenarios by name and glob. */
#include <string.h>

#include "runner/plan.h"
#include "tests/unit/test.h"

static const struct kt_cell_wishes none;

KT_SCENARIO(attach_one, "one");
KT_SCENARIO(attach_two, "two");
KT_SCENARIO(replace_one, "three");

static void selects(const char *const *patterns, unsigned int count, unsigned int want)
{
	struct kt_plan plan;

	assert_int_equal(kt_plan_select(&plan, patterns, count, &none, NULL), 0);
	assert_int_equal(plan.count, want);
	kt_plan_deinit(&plan);
}

static void test_selects(void **state)
{
	selects(NULL, 0, 4);
	selects((const char *const[]){ "attach_*" }, 1, 2);
	selects((const char *const[]){ "attach_one", "*_one" }, 2, 2);
	selects((const char *const[]){ "replace_one" }, 1, 1);
}

/* "lib/" is of the files of scenario/library/ alone. */
static void test_selects_of_the_library(void **state)
{
	static const struct kt_scenario of_library = { .name = "brought_along",
						       .doc = "ten",
						       .file = "scenario/library/x.c" };
	static const struct kt_scenario *const record
		__attribute__((section("kt_scenarios"), used)) = &of_library;

	assert_ptr_equal(record, &of_library);
	selects((const char *const[]){ "lib/*" }, 1, 1);
	selects((const char *const[]){ "lib/brought_*" }, 1, 1);
	selects((const char *const[]){ "attach_*" }, 1, 2);
}

static void no_match(const char *pattern, const char *remedy)
{
	const char *const patterns[] = { "attach_one", pattern };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_plan plan;

	assert_int_equal(kt_plan_select(&plan, patterns, 2, &none, &diag), KT_PLAN_E_NO_MATCH);
	assert_non_null(strstr(diag.cause, pattern));
	if (!strstr(diag.remedy, remedy))
		fail_msg("%s", diag.remedy);
}

/* One pattern that matches nothing is an error, whatever the others match. */
static void test_no_match_is_an_error(void **state)
{
	no_match("attach_oen", "did you mean 'attach_one'?");
	no_match("replace", "did you mean 'replace_one'?");
	no_match("lib/attach_one", "did you mean 'attach_one'?");
	no_match("zzz*", "'ktest list' shows all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selects),
		cmocka_unit_test(test_selects_of_the_library),
		cmocka_unit_test(test_no_match_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
