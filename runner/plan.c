/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting scenarios; see plan.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runner/plan.h"

/* Levenshtein distance, for suggestions; names are short. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[KT_NAME_MAX + 1];
	size_t n = KT_MIN(strlen(b), (size_t)KT_NAME_MAX);

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned int diagonal = row[0]++;

		for (size_t j = 1; j <= n; j++) {
			unsigned int swap = diagonal + (a[i] != b[j - 1]);
			unsigned int shift = KT_MIN(row[j], row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = KT_MIN(swap, shift);
		}
	}
	return row[n];
}

static const char *nearest(const char *name)
{
	unsigned int n, best = UINT32_MAX, d;
	const struct kt_scenario *const *table = kt_scenario_table(&n);
	const char *found = NULL;

	for (unsigned int i = 0; i < n; i++) {
		d = strstr(table[i]->name, name) ? 0 : distance(name, table[i]->name);
		if (d < best) {
			best = d;
			found = table[i]->name;
		}
	}
	return found && (best == 0 || best <= strlen(found) / 2) ? found : NULL;
}

/* "lib/GLOB" selects among the scenarios of the library only. */
static bool matches(const struct kt_scenario *s, const char *pattern)
{
	if (strncmp(pattern, "lib/", 4))
		return !fnmatch(pattern, s->name, 0);
	return strstr(s->file, "scenario/library/") && !fnmatch(pattern + 4, s->name, 0);
}

static bool select_one(bool *selected, const char *pattern)
{
	unsigned int n;
	const struct kt_scenario *const *table = kt_scenario_table(&n);
	bool any = false;

	for (unsigned int i = 0; i < n; i++) {
		if (matches(table[i], pattern)) {
			selected[i] = true;
			any = true;
		}
	}
	return any;
}

static int no_match(const char *pattern, struct kt_diag *diag)
{
	const char *near = nearest(strncmp(pattern, "lib/", 4) ? pattern : pattern + 4);

	kt_diag_doing(diag, "select scenarios");
	kt_diag_cause(diag, "no scenario matches '%s'", pattern);
	if (near)
		kt_diag_remedy(diag, "did you mean '%s'? 'ktest list' shows all", near);
	else
		kt_diag_remedy(diag, "'ktest list' shows all");
	return KT_PLAN_E_NO_MATCH;
}

static int make_cells(struct kt_plan *plan, const bool *selected,
		      const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	unsigned int n;
	const struct kt_scenario *const *table = kt_scenario_table(&n);

	plan->cells = calloc(n + 1, sizeof(plan->cells[0]));
	if (!plan->cells)
		return kt_raise(-ENOMEM);
	for (unsigned int i = 0; i < n; i++) {
		if (!selected[i])
			continue;
		kt_diag_doing(diag, "plan scenario '%s'", table[i]->name);
		if (kt_cell_init(&plan->cells[plan->count++], table[i], wishes, diag))
			return KT_PLAN_E_INVALID;
	}
	kt_diag_reset(diag);
	return 0;
}

int kt_plan_select(struct kt_plan *ret_plan, const char *const *patterns, unsigned int count,
		   const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	_cleanup_(kt_plan_deinit) struct kt_plan plan = { 0 };
	_cleanup_(kt_freep) bool *selected = NULL;
	unsigned int n;
	int r;

	kt_scenario_table(&n);
	selected = calloc(n + 1, sizeof(*selected));
	if (!selected)
		return kt_raise(-ENOMEM);
	for (unsigned int i = 0; i < count; i++)
		if (!select_one(selected, patterns[i]))
			return no_match(patterns[i], diag);
	if (!count && !select_one(selected, "*"))
		return no_match("*", diag);
	r = make_cells(&plan, selected, wishes, diag);
	if (r)
		return kt_forward(r);
	*ret_plan = plan;
	plan.cells = NULL;
	return 0;
}

void kt_plan_deinit(struct kt_plan *plan)
{
	free(plan->cells);
	*plan = (struct kt_plan){ 0 };
}
