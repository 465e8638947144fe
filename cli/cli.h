/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: each verb has a file of its own and a struct cli_verb (cli/options.h);
 * main.c has the tree of verbs. Results go to stdout, all other text to stderr.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "cli/options.h"
#include "kernel/kernel.h"

extern const struct cli_verb cli_run, cli_exec, cli_shell, cli_list, cli_gate, cli_bench,
	cli_kernel, cli_doctor;

/* Prints "ktest: doing: cause" and, on a line of its own, the remedy; nothing if diag is empty. */
void cli_print_diag(const struct kt_diag *diag);
/* Prints why it failed with r: diag, or what r says; returns KT_EXIT_COULD_NOT_RUN. */
int cli_fail(struct kt_diag *diag, int r);

/*
 * The kernel that --kernel names, see kt_kernel_choose(); says so on stderr before it takes a kernel
 * into the cache.
 */
int cli_find_kernel(struct kt_kernel *ret_kernel, const char *word,
		    struct kt_diag *diag) _kt_must_check_;
/* For kt_import_spec.begin: says on stderr what is added to the cache. */
void cli_on_import(const char *names, void *data);

/* A random seed short enough to be typed. */
uint64_t cli_random_seed(void);

/*
 * Blocks the given signals (the list ends with 0) in all threads and returns a signalfd(2) for
 * them. -1: error, already printed.
 */
int cli_open_signal_fd(const struct cli_verb *verb, ...);
