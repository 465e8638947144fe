/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting scenarios by name and glob. */

#include "base/cleanup.h"
#include "runner/plan.h"
#include "tests/unit/test.h"

static const struct kt_cell_wishes none;

KT_SCENARIO(attach_one, "one");
KT_SCENARIO(attach_two, "two");
KT_SCENARIO(replace_one, "three");

KT_BROKEN_SCENARIO(1, "broken_one", "/x/a.c", "/x/a.c:3:1: error: no such thing");

static void selects(const char *const *patterns, unsigned int count, unsigned int want)
{
	_cleanup_(kt_plan_deinit) struct kt_plan plan;

	assert_int_equal(kt_plan_select(&plan, patterns, count, &none, NULL), 0);
	assert_int_equal(plan.count, want);
}

TEST(test_selects)
{
	selects(NULL, 0, 4);
	selects((const char *const[]){ "attach_*" }, 1, 2);
	selects((const char *const[]){ "attach_one", "*_one" }, 2, 2);
	selects((const char *const[]){ "replace_one" }, 1, 1);
}

TEST(test_unfit_scenarios_hinder_no_other)
{
	static const struct kt_scenario invalid = { .name = "invalid_one",
						    .doc = "asks for snapshots without a hold",
						    .file = "b.c",
						    .line = 7,
						    .snapshots = 1 };
	static const struct kt_scenario *const record
		__attribute__((section("kt_scenarios"), used)) = &invalid;
	const char *const patterns[] = { "*_one" }, *const broken[] = { "broken_*" };
	_cleanup_(kt_plan_deinit) struct kt_plan all = { 0 };
	_cleanup_(kt_plan_deinit) struct kt_plan none_left = { 0 };

	assert_ptr_equal(record, &invalid);
	assert_int_equal(kt_plan_select(&all, patterns, 1, &none, NULL), 0);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.unfit_count, 2);
	assert_string_equal(all.unfit[0].name, "broken_one");
	assert_string_equal(all.unfit[0].cause, "/x/a.c:3:1: error: no such thing");
	assert_string_equal(all.unfit[1].name, "invalid_one");
	assert_contains(all.unfit[1].cause, "check scenario 'invalid_one' (b.c:7): 1 snapshots");
	assert_int_equal(kt_plan_select(&none_left, broken, 1, &none, NULL), 0);
	assert_int_equal(none_left.count, 0);
	assert_int_equal(none_left.unfit_count, 1);
}

/* "lib/" is of the files of scenario/library/ alone. */
TEST(test_selects_of_the_library)
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
	assert_contains(diag.cause, pattern);
	assert_contains(diag.remedy, remedy);
}

/* One pattern that matches nothing is an error, whatever the others match. */
TEST(test_no_match_is_an_error)
{
	no_match("attach_oen", "did you mean 'attach_one'?");
	no_match("replace", "did you mean 'replace_one'?");
	no_match("lib/attach_one", "did you mean 'attach_one'?");
	no_match("zzz*", "'ktest list' shows all");
}
