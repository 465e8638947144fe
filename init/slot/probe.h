/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ":probe": whether a machine that was restored is all there, on every CPU.
 *
 *   :probe fill SEED             before the save: writes a pattern into memory
 *   :probe check SEED [MODULE]   after the restore
 *
 * `check` has a task on each CPU. They pass a token round by futexes, in which the
 * clock must not go back from CPU to CPU; each must see interrupts of its local
 * timer and of its neighbours arrive. Then the pattern is verified, and the module
 * must be loaded. A line for each check tells "ok" or "failed", and the exit
 * status is 1 if any failed. No wait is longer than KT_PROBE_WAIT_NS.
 *
 * The kernel's text is not among it: guest kernels have no way to read it. The
 * host can, in the memory of the machine.
 */
#pragma once

#include "base/clock.h"

#define KT_PROBE_WAIT_NS (10 * KT_NSEC_PER_SEC) /* without progress */

/* The exit status. */
int kt_probe_run(char *const *argv);
