/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of ktest's own schedulers, whose sources are in schedulers/. */
#include <stddef.h>

#include "machine/stage/schedulers.h"

const struct kt_own_scheduler kt_own_schedulers[] = {
	{ "scx_fifo", "the kernel's built-in global queue" },
	{ "scx_ktest", "one FIFO queue that every task passes through; options inject faults" },
	{ "scx_llc", "one queue per last-level cache" },
	{ "scx_vtime", "weighted fair: one queue, sorted by virtual time" },
	{ NULL, NULL },
};
