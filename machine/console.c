/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks on the guest's console; see console.h. Only complete lines are compared. */
#include <string.h>

#include "base/cleanup.h"
#include "proto/console-line.h"
#include "machine/console.h"

/*
 * Sources in the kernel: kernel/panic.c, arch/x86/mm/fault.c and
 * arch/x86/kernel/dumpstack.c, kernel/rcu/tree_stall.h, kernel/watchdog.c,
 * kernel/hung_task.c, kernel/sched/ext.c.
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
	{ KT_CONSOLE_OOPS, "BUG: " },
	{ KT_CONSOLE_OOPS, "Oops: " },
	{ KT_CONSOLE_SCX, "sched_ext: BPF scheduler" },
};

static void scan_line(struct kt_console_scanner *scanner)
{
	scanner->line[scanner->len] = 0;
	for (size_t i = 0; i < KT_ARRAY_SIZE(marks); i++) {
		const char *at = strstr(scanner->line, marks[i].text);

		if (!at)
			continue;
		if (marks[i].mark == KT_CONSOLE_INIT_FAILED)
			at += strlen(marks[i].text);
		scanner->on_mark(scanner->arg, marks[i].mark, at);
		break;
	}
	scanner->len = 0;
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
