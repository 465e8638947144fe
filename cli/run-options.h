/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `ktest run`. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/limits.h"
#include "runner/run.h"
#include "machine/stage/stage.h"

struct run_options {
	struct kt_cell_wishes wishes;  /* what all cells share */
	struct kt_run_request request; /* what all runs share */
	bool fail_on_inconclusive;
	bool no_skip;
	const char *kernel_path;
	char scheduler[PATH_MAX];
	const char *args[KT_ARGS_MAX + 1];
	unsigned int arg_count;
	struct kt_stage_files files;
	bool force;
	bool json;
	bool stats;
	bool verbose;
	unsigned int parallel;
};

/* 0, an exit status, or -1 when help was printed. *ret_first: index of the first pattern. */
int run_options_parse(struct run_options *o, int argc, char **argv, int *ret_first);
void run_options_deinit(struct run_options *o);
