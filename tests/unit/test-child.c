/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a program: output, end, cancellation. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/child.h"
#include "tests/unit/test.h"

struct seen {
	struct kt_buf lines;
	int cancel_fd;
};

static void on_line(const char *line, void *data)
{
	struct seen *seen = data;
	uint64_t one = 1;

	if (!line)
		return;
	assert_int_equal(kt_buf_printf(&seen->lines, "[%s]", line), 0);
	if (seen->cancel_fd >= 0)
		assert_int_equal(write(seen->cancel_fd, &one, sizeof(one)), sizeof(one));
}

static int run(const char *script, struct kt_child *child, struct seen *seen, struct kt_diag *diag)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	child->argv = argv;
	child->on_line = on_line;
	child->data = seen;
	return kt_child_run(child, diag);
}

TEST(test_output)
{
	struct seen seen = { .lines = KT_BUF_INIT(0), .cancel_fd = -1 };
	_cleanup_(kt_buf_deinit) struct kt_buf output = KT_BUF_INIT(0);
	struct kt_child child = KT_CHILD_INIT;

	child.output = &output;
	assert_int_equal(run("echo a; echo b >&2; printf c", &child, &seen, NULL), 0);
	assert_string_equal(kt_buf_str(&output), "a\nb\nc");
	assert_string_equal(kt_buf_str(&seen.lines), "[a][b][c]");
	kt_buf_deinit(&seen.lines);
}

TEST(test_an_endless_line_is_cut)
{
	struct seen seen = { .lines = KT_BUF_INIT(0), .cancel_fd = -1 };
	struct kt_child child = KT_CHILD_INIT;

	assert_int_equal(
		run("head -c 100000 /dev/zero | tr '\\0' x; echo; echo y", &child, &seen, NULL), 0);
	assert_int_equal(seen.lines.len, 4095 + 2 + 3);
	kt_buf_deinit(&seen.lines);
}

static void expect_failure(const char *script, const char *words)
{
	struct seen seen = { .lines = KT_BUF_INIT(0), .cancel_fd = -1 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_child child = KT_CHILD_INIT;

	assert_int_equal(run(script, &child, &seen, &diag), KT_CHILD_E_FAILED);
	assert_string_equal(diag.cause, words);
	kt_buf_deinit(&seen.lines);
}

TEST(test_failures)
{
	const char *const argv[] = { "no-such-program-of-ktest", NULL };
	struct kt_child child = KT_CHILD_INIT;
	struct kt_diag diag = KT_DIAG_INIT;

	expect_failure("exit 3", "sh ended with status 3");
	expect_failure("kill -SEGV $$", "sh was ended by signal 11 (Segmentation fault)");
	child.argv = argv;
	assert_int_equal(kt_child_run(&child, &diag), KT_CHILD_E_NONE);
	assert_contains(diag.cause, "no-such-program-of-ktest");
}

/* A full output buffer is a fault, and the program ends with it. */
TEST(test_fault_ends_the_program)
{
	struct seen seen = { .lines = KT_BUF_INIT(0), .cancel_fd = -1 };
	_cleanup_(kt_buf_deinit) struct kt_buf output = KT_BUF_INIT(10);
	struct kt_child child = KT_CHILD_INIT;

	child.output = &output;
	assert_int_equal(run("while :; do echo 123456; done", &child, &seen, NULL), -ENOBUFS);
	kt_buf_deinit(&seen.lines);
}

/*
 * The program prints its pid, on which the test cancels it. kt_child_run() returns only
 * after the end of the grandchildren, which hold the output, too.
 */
static void check_cancel(const char *script)
{
	struct seen seen = { .lines = KT_BUF_INIT(0) };
	struct kt_child child = KT_CHILD_INIT;
	uint64_t start = kt_now_ns();
	pid_t pid;

	seen.cancel_fd = child.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(run(script, &child, &seen, NULL), KT_CHILD_E_CANCELLED);
	assert_true(kt_now_ns() - start < 60 * KT_NSEC_PER_SEC);
	pid = atoi(kt_buf_str(&seen.lines) + 1);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(child.cancel_fd);
	kt_buf_deinit(&seen.lines);
}

TEST(test_cancel)
{
	check_cancel("sleep 1000 & echo $$; wait");
}

TEST(test_cancel_one_that_ignores_it)
{
	check_cancel("trap '' TERM; echo $$; while :; do sleep 1; done");
}
