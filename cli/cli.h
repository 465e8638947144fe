/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: one file per verb, which is a record of cli/options.h; main.c has
 * the tree of verbs. Results go to stdout, everything else to stderr.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "cli/options.h"

extern const struct cli_verb cli_run, cli_exec, cli_shell, cli_list, cli_gate, cli_bench,
	cli_kernel, cli_doctor;

/* "ktest: doing: cause" and, on a line of its own, the remedy. */
void cli_print_diag(const struct kt_diag *diag);

/* A seed that is short enough to be typed. */
uint64_t cli_random_seed(void);

/*
 * These signals, with 0 behind the last one, come through this descriptor from now on, to
 * all threads. -1: it is said why not.
 */
int cli_open_signal_fd(const struct cli_verb *verb, ...);
