/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scanning the guest's console for lines that need a reaction: a panic, an oops, the last
 * words of init, stalls, and the end of a sched_ext scheduler. The text is untrusted;
 * line length is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

enum kt_console_mark {
	KT_CONSOLE_PANIC,	/* "Kernel panic - not syncing: ..." */
	KT_CONSOLE_OOPS,	/* "BUG: ...", "Oops: ...", WARNING, UBSAN, ... */
	KT_CONSOLE_INIT_FAILED, /* last words of init, KT_CONSOLE_FAILED in proto/ */
	KT_CONSOLE_STALL,	/* RCU stall, soft or hard lockup, hung task */
	KT_CONSOLE_OOM,		/* the OOM killer has killed a process */
	KT_CONSOLE_SCX,		/* sched_ext ended a scheduler */
	KT_CONSOLE_MARK_COUNT_,
};

struct kt_console_scanner {
	char line[512]; /* the incomplete line, without the timestamp in front */
	size_t len;
	bool after_scx; /* the last line was the first about the end of a scheduler */
	void (*on_mark)(void *arg, enum kt_console_mark mark, const char *text);
	void *arg;
};

/* Scans console bytes; calls on_mark() for each line that carries a mark. */
void kt_console_scan(struct kt_console_scanner *scanner, const void *data, size_t len);
