/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest run` on several kernels and topologies: which ones, and a table of the verdicts with a
 * row for each scenario and a column for each kernel x topology.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "proto/result.h"

#define CLI_KERNELS_MAX	   16u
#define CLI_TOPOLOGIES_MAX 16u
#define CLI_COLUMNS_MAX	   (CLI_KERNELS_MAX * CLI_TOPOLOGIES_MAX)

struct cli_kernels {
	struct kt_kernel list[CLI_KERNELS_MAX];
	unsigned int count;
};

/*
 * Finds the kernels of --kernel, in their order, each once. A word with *, ? or [ stands for all
 * kernels of the cache whose ids match it (fnmatch(3)). words: NULL-terminated; none: the default
 * kernel. Results: those of cli_find_kernel(), and KT_KERNEL_E_NONE for a pattern without a match,
 * with diag.
 */
int cli_kernels_find(struct cli_kernels *kernels, const char *const *words,
		     struct kt_diag *diag) _kt_must_check_;

struct cli_matrix_row {
	const char *scenario;		       /* borrowed */
	const char *verdicts[CLI_COLUMNS_MAX]; /* static; NULL: was not run */
};

struct cli_matrix {
	struct cli_kernels kernels;
	const char *const *topologies; /* NULL-terminated, borrowed; none: the scenarios' own */
	struct cli_matrix_row *rows;   /* owned */
	size_t count;
};

/* Columns: kernels x topologies, the topologies of one kernel beside each other. At least 1. */
unsigned int cli_matrix_columns(const struct cli_matrix *matrix);
const struct kt_kernel *cli_matrix_kernel(const struct cli_matrix *matrix, unsigned int column);
/* NULL: the scenarios' own. */
const char *cli_matrix_topology(const struct cli_matrix *matrix, unsigned int column);
/*
 * Appends the title of a column to an empty buffer: the release of its kernel, or the path of one
 * that does not say its release, and its topology, of those of which there are several. -ENOMEM.
 */
int cli_matrix_title(const struct cli_matrix *matrix, unsigned int column,
		     struct kt_buf *out) _kt_must_check_;

/* Notes a verdict in words, static, of the scenario in the column. -ENOMEM. */
int cli_matrix_note(struct cli_matrix *matrix, const char *scenario, unsigned int column,
		    const char *verdict) _kt_must_check_;
/* Prints the table on stdout. -ENOMEM. */
int cli_matrix_print(const struct cli_matrix *matrix) _kt_must_check_;
void cli_matrix_deinit(struct cli_matrix *matrix);
