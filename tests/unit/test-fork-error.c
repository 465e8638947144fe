/* SPDX-License-Identifier: GPL-2.0-only */
/* A failed fork is held against a scheduler only if nothing else can explain it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ops/guest/fork-error.h"
#include "tests/unit/test.h"

#define MUCH (300ull << 20)

static enum kt_op_error blame(char *text, int error, const char *ops, uint64_t free_bytes)
{
	const struct kt_fork_error e = { .error = error, .ops = ops, .free_bytes = free_bytes };

	return kt_fork_error_blame(&e, "workers 'load'", text);
}

static void test_schedulers_refuse_tasks(void **state)
{
	char text[KT_TEXT_MAX];

	assert_int_equal(blame(text, ENOMEM, "scx_x", MUCH), KT_OP_REFUSED);
	assert_string_equal(text, "workers 'load': fork: Cannot allocate memory, with 300 MiB of "
				  "memory free: ops.init_task() of 'scx_x' refused the task");
	assert_int_equal(blame(text, E2BIG, "scx_x", 0), KT_OP_REFUSED);
	assert_int_equal(blame(text, ENOMEM, "scx_x", KT_FORK_FREE_BYTES), KT_OP_REFUSED);
}

static void test_what_else_stops_a_fork(void **state)
{
	char text[KT_TEXT_MAX];

	assert_int_equal(blame(text, ENOMEM, "", MUCH), KT_OP_INTERNAL);
	assert_string_equal(text, "workers 'load': fork: Cannot allocate memory");
	assert_int_equal(blame(text, ENOMEM, "scx_x", KT_FORK_FREE_BYTES - 1), KT_OP_INTERNAL);
	assert_int_equal(blame(text, EAGAIN, "scx_x", MUCH), KT_OP_INTERNAL);
	assert_int_equal(blame(text, EMFILE, "scx_x", MUCH), KT_OP_INTERNAL);
	assert_string_equal(text, "workers 'load': fork: Too many open files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedulers_refuse_tasks),
		cmocka_unit_test(test_what_else_stops_a_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
