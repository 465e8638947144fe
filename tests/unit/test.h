/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmocka with the headers it needs in front, and the registration of tests: a program runs each
 * TEST() that is in it, in the order of the file. KTEST_TEST_FUNCTION in the environment selects
 * test functions: a name, in which * and ? stand for any characters.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"

void test_register(const char *group, int line, struct CMUnitTest test);

/* Defines a test function: TEST(test_something) { ... } */
#define TEST(fn) TEST_OF("", fn)
/* One that is run with those of its group only; for a program with several groups. */
#define TEST_OF(group, fn)                                                               \
	static void fn(void **state);                                                    \
	__attribute__((constructor)) static void fn##_register(void)                     \
	{                                                                                \
		test_register(group, __LINE__, (struct CMUnitTest)cmocka_unit_test(fn)); \
	}                                                                                \
	static void fn(void **state)

struct test_fixture {
	void (*setup)(void), (*teardown)(void); /* either may be NULL */
};
extern const struct test_fixture test_each, test_all;

/* What is done before and after each test of the program, and before and after all of them. */
#define AROUND_EACH(setup, teardown) const struct test_fixture test_each = { setup, teardown }
#define AROUND_ALL(setup, teardown)  const struct test_fixture test_all = { setup, teardown }

/* Asserts that a call returns 0, else shows its diagnostic: assert_ok(kt_do(it, &diag)) */
#define assert_ok(call)                                   \
	do {                                              \
		struct kt_diag diag = KT_DIAG_INIT;       \
		test_ok(call, &diag, __FILE__, __LINE__); \
	} while (0)
void test_ok(int r, const struct kt_diag *diag, const char *file, int line);

#define assert_contains(text, part) test_contains(text, part, __FILE__, __LINE__)
void test_contains(const char *text, const char *part, const char *file, int line);

/* Runs a group and returns an exit status. main() where a program has none of its own: group "". */
int test_run(const char *group);
