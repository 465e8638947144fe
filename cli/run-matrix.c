/* SPDX-License-Identifier: GPL-2.0-only */
/* Several kernels and topologies of one `ktest run`; see run-matrix.h. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/run-matrix.h"
#include "kernel/cache.h"

static int add(struct cli_kernels *kernels, const char *word, struct kt_diag *diag)
{
	struct kt_kernel *next = &kernels->list[kernels->count];

	if (kernels->count == CLI_KERNELS_MAX) {
		kt_diag_doing(diag, "find the guest kernels");
		kt_diag_remedy(diag, "run on the others by a command of their own");
		return kt_fail(diag, KT_KERNEL_E_NONE, "there are more than %u", CLI_KERNELS_MAX);
	}
	KT_TRY(cli_find_kernel(next, word, diag));
	for (unsigned int i = 0; i < kernels->count; i++)
		if (!strcmp(kernels->list[i].path, next->path))
			return 0;
	kernels->count++;
	return 0;
}

static int add_matching(struct cli_kernels *kernels, const char *pattern, struct kt_diag *diag)
{
	_cleanup_(kt_cached_kernels_deinit) struct kt_cached_kernels cached = { .count = 0 };
	bool any = false;

	KT_TRY(kt_cache_list(&cached));
	for (size_t i = 0; i < cached.count; i++) {
		if (fnmatch(pattern, cached.kernels[i].id, 0))
			continue;
		any = true;
		KT_TRY(add(kernels, cached.kernels[i].id, diag));
	}
	if (any)
		return 0;
	kt_diag_doing(diag, "find the guest kernels '%s'", pattern);
	kt_diag_remedy(diag, "'ktest kernel list' shows all");
	return kt_fail(diag, KT_KERNEL_E_NONE, "no kernel of the cache has such an id");
}

int cli_kernels_find(struct cli_kernels *kernels, const char *const *words, struct kt_diag *diag)
{
	if (!words[0])
		return kt_forward(add(kernels, NULL, diag));
	for (; *words; words++)
		/* A path is no pattern, whatever it has in it. */
		if (strpbrk(*words, "*?[") && !strchr(*words, '/'))
			KT_TRY(add_matching(kernels, *words, diag));
		else
			KT_TRY(add(kernels, *words, diag));
	return 0;
}

static unsigned int count_topologies(const struct cli_matrix *matrix)
{
	unsigned int n = 0;

	while (matrix->topologies && matrix->topologies[n])
		n++;
	return n;
}

unsigned int cli_matrix_columns(const struct cli_matrix *matrix)
{
	return KT_MAX(matrix->kernels.count, 1u) * KT_MAX(count_topologies(matrix), 1u);
}

const struct kt_kernel *cli_matrix_kernel(const struct cli_matrix *matrix, unsigned int column)
{
	return &matrix->kernels.list[column / KT_MAX(count_topologies(matrix), 1u)];
}

const char *cli_matrix_topology(const struct cli_matrix *matrix, unsigned int column)
{
	unsigned int n = count_topologies(matrix);

	return n ? matrix->topologies[column % n] : NULL;
}

int cli_matrix_title(const struct cli_matrix *matrix, unsigned int column, struct kt_buf *out)
{
	const struct kt_kernel *kernel = cli_matrix_kernel(matrix, column);
	const char *name = kernel->release[0] ? kernel->release : kernel->path;

	if (count_topologies(matrix) < 2)
		return kt_forward(kt_buf_printf(out, "%s", name));
	if (matrix->kernels.count > 1)
		KT_TRY(kt_buf_printf(out, "%s, ", name));
	return kt_forward(kt_buf_printf(out, "%s", cli_matrix_topology(matrix, column)));
}

int cli_matrix_note(struct cli_matrix *matrix, const char *scenario, unsigned int column,
		    const char *verdict)
{
	struct cli_matrix_row row = { .scenario = scenario };
	size_t i = 0;

	while (i < matrix->count && strcmp(matrix->rows[i].scenario, scenario))
		i++;
	if (i == matrix->count)
		KT_TRY(kt_array_append(matrix->rows, matrix->count, row));
	matrix->rows[i].verdicts[column] = verdict;
	return 0;
}

/* Prints line `row` of the column, from -1, its title. */
static int print_cell(const struct cli_matrix *matrix, unsigned int column, ssize_t row)
{
	_cleanup_(kt_buf_deinit) struct kt_buf title = KT_BUF_INIT(0);
	const char *text;

	KT_TRY(cli_matrix_title(matrix, column, &title));
	text = row < 0 ? kt_buf_str(&title) : matrix->rows[row].verdicts[column] ?: "-";
	printf("  %-*s", KT_MAX(12, (int)title.len), text);
	return 0;
}

int cli_matrix_print(const struct cli_matrix *matrix)
{
	int width = 0;

	for (size_t i = 0; i < matrix->count; i++)
		width = KT_MAX(width, (int)strlen(matrix->rows[i].scenario));
	for (ssize_t row = -1; row < (ssize_t)matrix->count; row++) {
		printf("%-*s", width, row < 0 ? "" : matrix->rows[row].scenario);
		for (unsigned int c = 0; c < cli_matrix_columns(matrix); c++)
			KT_TRY(print_cell(matrix, c, row));
		putchar('\n');
	}
	return 0;
}

void cli_matrix_deinit(struct cli_matrix *matrix)
{
	free(matrix->rows);
}
