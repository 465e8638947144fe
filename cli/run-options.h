/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `ktest run`. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "cli/machine-options.h"
#include "cli/run-matrix.h"
#include "runner/run.h"

struct run_options {
	struct cli_machine machine;
	struct kt_run_request request; /* common to all runs */
	char scheduler[PATH_MAX];
	const char *kernels[CLI_KERNELS_MAX + 1];
	const char *topologies[CLI_TOPOLOGIES_MAX + 1];
	bool fail_on_inconclusive;
	bool no_skip;
	bool json;
	bool stats;
	unsigned int parallel;
};

extern const struct cli_option run_options_table[];

/* Returns as cli_parse(). */
int run_options_parse(const struct cli_verb *verb, struct run_options *o, int *argc, char ***argv);
