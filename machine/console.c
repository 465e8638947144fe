/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks on the guest's console; see console.h. Only complete lines are compared. */
#include <string.h>

#include "base/cleanup.h"
#include "proto/console-line.h"
#include "machine/console.h"

/*
 * Sources in the kernel: kernel/panic.c, arch/x86/mm/fault.c and
 * arch/x86/kernel/dumpstack.c, kernel/rcu/tree_stall.h, kernel/watchdog.c,
 * kernel/hung_task.c, mm/oom_kill.c, kernel/panic.c (WARNING), lib/ubsan.c, lib/refcount.c,
 * kernel/sched/ext.c.
 */
static const struct {
	enum kt_console_mark mark;
	const char *text;
} marks[] = {
	{ KT_CONSOLE_PANIC, "Kernel panic - not syncing: " },
	{ KT_CONSOLE_INIT_FAILED, KT_CONSOLE_FAILED },
	{ KT_CONSOLE_STALL, "watchdog: BUG: soft lockup" },
	{ KT_CONSOLE_STALL, "self-detected stall" },
	{ KT_CONSOLE_STALL, "detected stalls on CPUs" },
	{ KT_CONSOLE_STALL, "blocked for more than" },
	{ KT_CONSOLE_STALL, "detected expedited stalls on CPUs" },
	{ KT_CONSOLE_STALL, "hard LOCKUP" },
	{ KT_CONSOLE_STALL, "lockup - CPU" },
	{ KT_CONSOLE_OOM, "Out of memory: Killed process" },
	{ KT_CONSOLE_OOM, "Memory cgroup out of memory: Killed process" },
	{ KT_CONSOLE_OOPS, "BUG: " },
	{ KT_CONSOLE_OOPS, "Oops: " },
	{ KT_CONSOLE_OOPS, "general protection fault" },
	{ KT_CONSOLE_OOPS, "WARNING: " },
	{ KT_CONSOLE_OOPS, "UBSAN: " },
	{ KT_CONSOLE_OOPS, "refcount_t: " },
	{ KT_CONSOLE_SCX, "sched_ext: BPF scheduler" },
};

/* Where the line has a mark; NULL: nowhere. The message of an end follows its first line. */
static const char *find_mark(const struct kt_console_scanner *scanner,
			     enum kt_console_mark *ret_mark)
{
	const char *at;

	for (size_t i = 0; i < KT_ARRAY_SIZE(marks); i++) {
		*ret_mark = marks[i].mark;
		at = strstr(scanner->line, marks[i].text);
		if (at)
			return marks[i].mark == KT_CONSOLE_INIT_FAILED ?
				       at + strlen(marks[i].text) :
				       at;
	}
	*ret_mark = KT_CONSOLE_SCX;
	return scanner->after_scx ? strstr(scanner->line, "sched_ext: ") : NULL;
}

static void scan_line(struct kt_console_scanner *scanner)
{
	enum kt_console_mark mark;
	const char *at;

	scanner->line[scanner->len] = 0;
	scanner->len = 0;
	at = find_mark(scanner, &mark);
	scanner->after_scx = at && mark == KT_CONSOLE_SCX && !scanner->after_scx;
	if (at)
		scanner->on_mark(scanner->arg, mark, at);
}

void kt_console_scan(struct kt_console_scanner *scanner, const void *data, size_t len)
{
	const char *p = data;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\n') {
			scan_line(scanner);
			continue;
		}
		if (p[i] == '\r' || p[i] == 0)
			continue;
		if (scanner->len < sizeof(scanner->line) - 1)
			scanner->line[scanner->len++] = p[i];
	}
}
