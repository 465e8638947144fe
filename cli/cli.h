/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: one file and one function per verb, one table of verbs in
 * main.c. A verb gets argv from its own name on and returns the exit status.
 * Results go to stdout, everything else to stderr.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"

int cmd_bench(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_shell(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_kernel(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

/* "ktest: doing: cause" and, on a line of its own, the remedy. */
void cli_print_diag(const struct kt_diag *diag);

/* A mistake on the command line: prints it with a pointer to --help; returns 3. */
int cli_usage_error(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * For the default case of getopt_long() loops with an optstring that begins
 * with ':': says what is wrong with the option it stopped at. Returns 3.
 */
int cli_bad_option(const char *verb, char **argv, int c);

/* A seed that is short enough to be typed. */
uint64_t cli_random_seed(void);
/* SIGINT and SIGTERM come through this descriptor from now on, to all threads. -1 with errno. */
int cli_open_cancel_fd(void);
