/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmocka with the headers it needs in front. KTEST_TEST_FUNCTION in the environment selects
 * test functions: a name, in which * and ? stand for any characters.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void select_functions(void)
{
	cmocka_set_test_filter(getenv("KTEST_TEST_FUNCTION"));
}
