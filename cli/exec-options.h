/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ktest exec` and `ktest shell` have in common. */
#pragma once

#include "cli/machine-options.h"
#include "runner/exec.h"

#define EXEC_ENV_MAX 256

struct exec_options {
	struct cli_machine machine;
	struct kt_exec_request request;
	const char *env[EXEC_ENV_MAX + 2]; /* there is room for one more */
	struct kt_kernel kernel;
};

extern const struct cli_option exec_options_table[];

/* 0, or what cli_parse() returns. */
int exec_options_parse(const struct cli_verb *verb, struct exec_options *o, int *argc,
		       char ***argv);

/* Fills in the rest of the request. 0, or an exit status; it is said why. */
int exec_options_request(const struct cli_verb *verb, struct exec_options *o,
			 const char *const *argv);

void exec_options_deinit(struct exec_options *o);
