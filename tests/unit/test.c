/* SPDX-License-Identifier: GPL-2.0-only */
/* The tests that a program has registered, and their run. */
#include "tests/unit/test.h"

#include <string.h>

#define TESTS_MAX 64

static struct registered {
	const char *group;
	int line;
	struct CMUnitTest test;
} registered[TESTS_MAX];
static size_t count;

__attribute__((weak)) const struct test_fixture test_each, test_all;

static int run(void (*fn)(void))
{
	if (fn)
		fn();
	return 0;
}

static int set_up(void **state)
{
	return run(test_each.setup);
}

static int tear_down(void **state)
{
	return run(test_each.teardown);
}

static int set_up_all(void **state)
{
	return run(test_all.setup);
}

static int tear_down_all(void **state)
{
	return run(test_all.teardown);
}

void test_register(const char *group, int line, struct CMUnitTest test)
{
	if (count == TESTS_MAX) {
		print_error("a program has more than %d tests\n", TESTS_MAX);
		abort();
	}
	test.setup_func = set_up;
	test.teardown_func = tear_down;
	registered[count++] = (struct registered){ group, line, test };
}

static int by_line(const void *a, const void *b)
{
	return ((const struct registered *)a)->line - ((const struct registered *)b)->line;
}

void test_ok(int r, const struct kt_diag *diag, const char *file, int line)
{
	char text[KT_DIAG_TEXT_MAX];

	if (!r)
		return;
	print_error("%d: %s\n", r, kt_diag_format(diag, text, sizeof(text)));
	_fail(file, line);
}

void test_contains(const char *text, const char *part, const char *file, int line)
{
	if (text && strstr(text, part))
		return;
	print_error("'%s' is not in: %s\n", part, text ? text : "(null)");
	_fail(file, line);
}

int test_run(const char *group)
{
	struct CMUnitTest tests[TESTS_MAX];
	size_t n = 0;

	/* The order of constructors is the compiler's. */
	qsort(registered, count, sizeof(registered[0]), by_line);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(registered[i].group, group))
			tests[n++] = registered[i].test;
	if (!n) {
		print_error("no tests in group '%s'\n", group);
		return 1;
	}
	cmocka_set_test_filter(getenv("KTEST_TEST_FUNCTION"));
	return _cmocka_run_group_tests("tests", tests, n, set_up_all, tear_down_all);
}
