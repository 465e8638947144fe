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

TEST(test_panic_in_pieces)
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

TEST(test_each_mark)
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
		{ "[ 1] WARNING: CPU: 1 PID: 7 at kernel/sched/ext.c:1 f+0x1/0x2\n",
		  KT_CONSOLE_OOPS },
		{ "[ 1] UBSAN: array-index-out-of-bounds in a.c:1:2\n", KT_CONSOLE_OOPS },
		{ "[ 1] refcount_t: underflow; use-after-free.\n", KT_CONSOLE_OOPS },
		{ "[ 1] general protection fault, probably for non-canonical\n", KT_CONSOLE_OOPS },
		{ "[ 1] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1- }\n",
		  KT_CONSOLE_STALL },
		{ "[ 1] watchdog: Watchdog detected hard LOCKUP on cpu 1\n", KT_CONSOLE_STALL },
		{ "[ 1] sched_ext: Soft lockup - CPU1 stuck for 4s, disabling \"a\"\n",
		  KT_CONSOLE_STALL },
		{ "[ 1] Out of memory: Killed process 7 (eater) total-vm:1kB\n", KT_CONSOLE_OOM },
		{ KT_CONSOLE_FAILED "mount proc: ENOENT\n", KT_CONSOLE_INIT_FAILED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kt_console_scanner s = fresh();

		scan(&s, cases[i].line);
		assert_int_equal(counts[cases[i].mark], 1);
	}
	assert_string_equal(last, "mount proc: ENOENT");
}

/* The message of an end stands in the next line; other lines of sched_ext are no marks. */
TEST(test_ends_of_schedulers)
{
	struct kt_console_scanner s = fresh();

	scan(&s, "sched_ext: \"a\" does not implement cgroup cpu.weight\n");
	assert_int_equal(counts[KT_CONSOLE_SCX], 0);
	scan(&s, "sched_ext: BPF scheduler \"a\" disabled (runtime error)\n");
	scan(&s, "sched_ext: a: told so\n");
	assert_int_equal(counts[KT_CONSOLE_SCX], 2);
	assert_string_equal(last, "sched_ext: a: told so");
	scan(&s, "sched_ext: a: once more\n");
	assert_int_equal(counts[KT_CONSOLE_SCX], 2);
}

TEST(test_hostile_lines)
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
