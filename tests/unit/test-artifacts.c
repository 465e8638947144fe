/* SPDX-License-Identifier: GPL-2.0-only */
/* Artefacts: names of folders, limits, remembered failures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "report/artifacts.h"
#include "tests/unit/test.h"

static char base[64];
static struct kt_artifacts a;

static void setup(void)
{
	struct kt_diag diag = KT_DIAG_INIT;

	strcpy(base, "/tmp/ktest-artifacts-XXXXXX");
	assert_non_null(mkdtemp(base));
	assert_int_equal(kt_artifacts_open(&a, base, "name", &diag), 0);
}

static void teardown(void)
{
	kt_artifacts_close(&a);
	assert_int_equal(kt_remove_tree(base), 0);
}

AROUND_EACH(setup, teardown);

/* The caller frees the result. */
static struct kt_buf read_back(const char *name)
{
	struct kt_buf buf = KT_BUF_INIT(1 << 20);
	char path[2 * KT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", a.dir, name);
	assert_int_equal(kt_read_file(path, &buf), 0);
	return buf;
}

static void expect_file(const char *name, const char *want)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = read_back(name);

	assert_string_equal(kt_buf_str(&buf), want);
}

TEST(test_files)
{
	kt_artifacts_append(&a, "log", "one ", 4);
	kt_artifacts_append(&a, "log", "two", 3);
	kt_artifacts_event(&a, json_pack("{s:i}", "a", 1));
	kt_artifacts_event(&a, json_pack("{s:i}", "a", 2));
	kt_artifacts_write(&a, "deep/file", "x", 1, 0755);
	assert_false(kt_artifacts_failed(&a));
	expect_file("log", "one two");
	expect_file("events.jsonl", "{\"a\":1}\n{\"a\":2}\n");
	expect_file("deep/file", "x");
}

TEST(test_logs_are_bounded)
{
	static const struct {
		const char *name;
		size_t max;
	} logs[] = { { "sched-1.log", KT_LOG_MAX }, { "console.log", KT_CONSOLE_MAX } };

	for (size_t i = 0; i < 2; i++) {
		kt_artifacts_append_guest(&a, logs[i].name, "12345", 5);
		a.files[i].bytes = logs[i].max - 3;
		kt_artifacts_append_guest(&a, logs[i].name, "67890", 5);
		kt_artifacts_append_guest(&a, logs[i].name, "never", 5);
		expect_file(logs[i].name,
			    "12345678\n[ktest: the rest was dropped: file size limit]\n");
	}
}

/* Many logs, as of many spawns. */
TEST(test_more_files_than_descriptors)
{
	enum { DESCRIPTORS = 32, FILES = 4 * DESCRIPTORS };
	struct rlimit old, few;
	char name[32];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = DESCRIPTORS, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned int i = 0; i <= FILES; i++) {
		snprintf(name, sizeof(name), "sched-%u.log", i % FILES);
		kt_artifacts_append_guest(&a, name, "ab", 2);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_false(kt_artifacts_failed(&a));
	assert_int_equal(a.file_count, FILES);
	expect_file("sched-0.log", "abab");
}

static size_t lines_of(struct kt_buf *buf, const char **ret_last)
{
	size_t n = 0;

	*ret_last = kt_buf_str(buf);
	for (const char *end; (end = strchr(*ret_last, '\n')) && end[1]; n++)
		*ret_last = end + 1;
	return n + 1;
}

static void expect_events(size_t lines)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = read_back("events.jsonl");
	const char *last;
	json_t *event;

	assert_int_equal(lines_of(&buf, &last), lines);
	event = json_loads(last, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(event, "event")), "dropped");
	json_decref(event);
}

TEST(test_events_are_bounded)
{
	a.events = KT_EVENTS_MAX - 2;
	for (unsigned int i = 0; i < 5; i++)
		kt_artifacts_event(&a, json_pack("{}"));
	assert_false(kt_artifacts_failed(&a));
	expect_events(3);
}

/* Each file and the events are below their limit; KT_ARTIFACTS_MAX limits their sum. */
TEST(test_the_whole_is_bounded)
{
	a.guest_bytes = KT_ARTIFACTS_MAX - 12;
	kt_artifacts_event(&a, json_pack("{}"));
	kt_artifacts_append_guest(&a, "one", "12345", 5);
	kt_artifacts_append(&a, "own", "0123456789", 10);
	assert_int_equal(a.guest_bytes, KT_ARTIFACTS_MAX - 4);
	kt_artifacts_append_guest(&a, "two", "1234567", 7);
	kt_artifacts_event(&a, json_pack("{}"));
	kt_artifacts_event(&a, json_pack("{}"));
	assert_false(kt_artifacts_failed(&a));
	assert_int_equal(a.guest_bytes, KT_ARTIFACTS_MAX);
	expect_events(2);
	expect_file("one", "12345");
	expect_file("two", "1234\n[ktest: the rest was dropped: file size limit]\n");
	expect_file("own", "0123456789");
}

TEST(test_two_runs_in_one_second)
{
	struct kt_artifacts *other = calloc(1, sizeof(*other));

	assert_int_equal(kt_artifacts_open(other, base, "name", NULL), 0);
	assert_string_not_equal(other->dir, a.dir);
	kt_artifacts_close(other);
	free(other);
}

TEST(test_first_failure_is_kept)
{
	char path[2 * KT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/full", a.dir);
	assert_int_equal(symlink("/dev/full", path), 0);
	kt_artifacts_append(&a, "full", "x", 1);
	assert_true(kt_artifacts_failed(&a));
	assert_contains(a.error.doing, "full");
	assert_contains(a.error.cause, "No space left on device");
	kt_artifacts_append(&a, "fine", "x", 1);
	assert_contains(a.error.doing, "full");
}

TEST(test_bad_base)
{
	struct kt_artifacts *other = calloc(1, sizeof(*other));
	struct kt_diag diag = KT_DIAG_INIT;

	assert_true(kt_artifacts_open(other, "/proc/nothing/here", "name", &diag) < 0);
	assert_contains(diag.doing, "/proc/nothing/here");
	assert_contains(diag.remedy, "--artifacts");
	free(other);
}
