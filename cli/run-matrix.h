/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktest run` on several kernels: which ones, and a table of the verdicts, scenario × kernel. */
#pragma once

#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "proto/result.h"

#define CLI_KERNELS_MAX 16u

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

/* The kernel in titles: its release, or its path if it does not say one. Borrowed. */
const char *cli_kernel_title(const struct kt_kernel *kernel);

struct cli_matrix_row {
	const char *scenario;		       /* borrowed */
	const char *verdicts[CLI_KERNELS_MAX]; /* static; NULL: was not run */
};

struct cli_matrix {
	struct cli_matrix_row *rows; /* owned */
	size_t count;
};

/* Notes a verdict in words, static, of the scenario on kernel `column`. -ENOMEM. */
int cli_matrix_note(struct cli_matrix *matrix, const char *scenario, unsigned int column,
		    const char *verdict) _kt_must_check_;
/* Prints the table on stdout. */
void cli_matrix_print(const struct cli_matrix *matrix, const struct cli_kernels *kernels);
void cli_matrix_deinit(struct cli_matrix *matrix);
