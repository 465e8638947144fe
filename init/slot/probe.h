/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ":probe" checks a restored machine on every CPU.
 *
 *   :probe fill SEED             before the save: writes a pattern into memory
 *   :probe check SEED [MODULE]   after the restore
 *
 * `check` runs a task on each CPU. The tasks pass a token round by futexes, while the clock must
 * not go back from CPU to CPU; each CPU must receive interrupts of its local timer and of its
 * neighbours. Then the pattern must be intact, and MODULE loaded. Each check prints a line with
 * "ok" or "failed"; the exit status is 1 if any check failed. No wait is longer than
 * KT_PROBE_WAIT_NS.
 *
 * The kernel's text is left to the host, which can read the memory of the machine.
 */
#pragma once

#include "base/clock.h"

#define KT_PROBE_WAIT_NS (10 * KT_NSEC_PER_SEC) /* without progress */

/* Returns the exit status. */
int kt_probe_run(char *const *argv);
