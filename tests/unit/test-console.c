/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks on the console. */
#include <stdio.h>
#include <string.h>

#include "proto/console-line.h"
#include "machine/console.h"
#include "tests/unit/test.h"

static unsigned int counts[KT_CONSOLE_MARK_COUNT_];
static char last[512];

static void on_mark(void *arg, enum kt_console_mark mark, const char *text)
{
	counts[mark]++;
	snprintf(last, sizeof(last), "%s", text);
}

static void scan(struct kt_console_scanner *s, const char *text)
{
	kt_console_scan(s, text, strlen(text));
}

static struct kt_console_scanner fresh(void)
{
	memset(counts, 0, sizeof(counts));
	return (struct kt_console_scanner){ .on_mark = on_mark };
}

static void test_panic_in_pieces(void **state)
{
	struct kt_console_scanner s = fresh();

	scan(&s, "[    1.0] Kernel pa");
	scan(&s, "nic - not syncing: sysrq triggered crash\r");
	assert_int_equal(counts[KT_CONSOLE_PANIC], 0);
	scan(&s, "\n");
	assert_int_equal(counts[KT_CONSOLE_PANIC], 1);
	assert_string_equal(last, "Kernel panic - not syncing: sysrq triggered crash");
	scan(&s, "---[ end Kernel panic - not syncing: sysrq triggered crash ]---\n");
}

static void test_each_mark(void **state)
{
	static const struct {
		const char *line;
		enum kt_console_mark mark;
	} cases[] = {
		{ "[ 1] BUG: kernel NULL pointer dereference\n", KT_CONSOLE_OOPS },
		{ "[ 1] Oops: 0002 [#1] PREEMPT\n", KT_CONSOLE_OOPS },
		{ "[ 1] watchdog: BUG: soft lockup - CPU#1 stuck for 22s!\n", KT_CONSOLE_STALL },
		{ "[ 1] rcu: INFO: rcu_preempt self-detected stall on CPU\n", KT_CONSOLE_STALL },
		{ "[ 1] INFO: task x:1 blocked for more than 120 seconds.\n", KT_CONSOLE_STALL },
		{ "sched_ext: BPF scheduler \"a\" disabled (runnable task stall)\n",
		  KT_CONSOLE_SCX },
		{ KT_CONSOLE_FAILED "mount proc: ENOENT\n", KT_CONSOLE_INIT_FAILED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kt_console_scanner s = fresh();

		scan(&s, cases[i].line);
		assert_int_equal(counts[cases[i].mark], 1);
	}
	assert_string_equal(last, "mount proc: ENOENT");
}

static void test_hostile_lines(void **state)
{
	struct kt_console_scanner s = fresh();
	char junk[5000];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 7);
	for (int i = 0; i < 100; i++)
		kt_console_scan(&s, junk, sizeof(junk));
	memset(junk, 'x', sizeof(junk));
	kt_console_scan(&s, junk, sizeof(junk));
	scan(&s, "\nKernel panic - not syncing: still seen\n");
	assert_int_equal(counts[KT_CONSOLE_PANIC], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panic_in_pieces),
		cmocka_unit_test(test_each_mark),
		cmocka_unit_test(test_hostile_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
