/* SPDX-License-Identifier: GPL-2.0-only */
/* The folder of a run: names, limits, and failures that are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "report/artifacts.h"
#include "tests/unit/test.h"

static char base[64];
static struct kt_artifacts a;

static int setup(void **state)
{
	struct kt_diag diag = KT_DIAG_INIT;

	strcpy(base, "/tmp/ktest-artifacts-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	return kt_artifacts_open(&a, base, "name", &diag);
}

static int teardown(void **state)
{
	kt_artifacts_close(&a);
	return kt_remove_tree(base);
}

static void expect_file(const char *name, const char *want)
{
	struct kt_buf buf = KT_BUF_INIT(1 << 20);
	char path[2 * KT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", a.dir, name);
	assert_int_equal(kt_read_file(path, &buf), 0);
	assert_string_equal(kt_buf_str(&buf), want);
	kt_buf_deinit(&buf);
}

static void test_files(void **state)
{
	kt_artifacts_append(&a, "log", "one ", 4, 0);
	kt_artifacts_append(&a, "log", "two", 3, 0);
	kt_artifacts_append_json(&a, "lines", json_pack("{s:i}", "a", 1));
	kt_artifacts_append_json(&a, "lines", json_pack("{s:i}", "a", 2));
	kt_artifacts_write(&a, "deep/file", "x", 1, 0755);
	assert_false(kt_artifacts_failed(&a));
	expect_file("log", "one two");
	expect_file("lines", "{\"a\":1}\n{\"a\":2}\n");
	expect_file("deep/file", "x");
}

static void test_limit(void **state)
{
	kt_artifacts_append(&a, "log", "12345", 5, 8);
	kt_artifacts_append(&a, "log", "67890", 5, 8);
	kt_artifacts_append(&a, "log", "never", 5, 8);
	expect_file("log", "12345678\n[ktest: the rest was dropped: file size limit]\n");
}

static void test_two_runs_in_one_second(void **state)
{
	struct kt_artifacts *other = calloc(1, sizeof(*other));

	assert_int_equal(kt_artifacts_open(other, base, "name", NULL), 0);
	assert_string_not_equal(other->dir, a.dir);
	kt_artifacts_close(other);
	free(other);
}

static void test_first_failure_is_kept(void **state)
{
	char path[2 * KT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/full", a.dir);
	assert_int_equal(symlink("/dev/full", path), 0);
	kt_artifacts_append(&a, "full", "x", 1, 0);
	assert_true(kt_artifacts_failed(&a));
	assert_non_null(strstr(a.error.doing, "full"));
	assert_non_null(strstr(a.error.cause, "No space left on device"));
	kt_artifacts_append(&a, "fine", "x", 1, 0);
	assert_non_null(strstr(a.error.doing, "full"));
}

static void test_bad_base(void **state)
{
	struct kt_artifacts *other = calloc(1, sizeof(*other));
	struct kt_diag diag = KT_DIAG_INIT;

	assert_true(kt_artifacts_open(other, "/proc/nothing/here", "name", &diag) < 0);
	assert_non_null(strstr(diag.doing, "/proc/nothing/here"));
	assert_non_null(strstr(diag.remedy, "--artifacts"));
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_runs_in_one_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_failure_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_base, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
