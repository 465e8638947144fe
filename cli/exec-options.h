/* SPDX-License-Identifier: GPL-2.0-only */
/* Options common to `ktest exec` and `ktest shell`. */
#pragma once

#include "cli/machine-options.h"
#include "runner/exec.h"

#define EXEC_ENV_MAX 256

struct exec_options {
	struct cli_machine machine;
	struct kt_exec_request request;
	const char *env[EXEC_ENV_MAX + 2]; /* one place for the caller, one for the NULL */
	struct kt_kernel kernel;
};

extern const struct cli_option exec_options_table[];

/* Returns as cli_parse(). */
int exec_options_parse(const struct cli_verb *verb, struct exec_options *o, int *argc,
		       char ***argv);

/* Fills in the rest of the request. Returns 0, or an exit status after printing the error. */
int exec_options_request(const struct cli_verb *verb, struct exec_options *o,
			 const char *const *argv);

/* Prints on standard error what is to be said beside the command's output; may be nothing. */
void exec_print_result(const struct kt_exec_result *result);

void exec_options_deinit(struct exec_options *o);
