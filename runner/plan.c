/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting scenarios; see plan.h. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
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
static bool matches(const char *name, const char *file, const char *pattern)
{
	if (strncmp(pattern, "lib/", 4))
		return !fnmatch(pattern, name, 0);
	return strstr(file, "scenario/library/") && !fnmatch(pattern + 4, name, 0);
}

/* What the patterns select of the two tables. */
struct selection {
	bool *sound, *broken; /* owned; one per row of the table */
};

static void selection_deinit(struct selection *s)
{
	free(s->sound);
	free(s->broken);
}

static bool select_one(struct selection *selected, const char *pattern)
{
	unsigned int n;
	const struct kt_scenario *const *table = kt_scenario_table(&n);
	const struct kt_broken_scenario *const *broken;
	bool any = false;

	for (unsigned int i = 0; i < n; i++)
		if (matches(table[i]->name, table[i]->file, pattern))
			selected->sound[i] = any = true;
	broken = kt_broken_scenarios(&n);
	for (unsigned int i = 0; i < n; i++)
		if (matches(broken[i]->name, broken[i]->file, pattern))
			selected->broken[i] = any = true;
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

static int add_unfit(struct kt_plan *plan, const char *name, const char *cause)
{
	struct kt_plan_unfit unfit = { .name = name };

	snprintf(unfit.cause, sizeof(unfit.cause), "%s", cause);
	return kt_array_append(plan->unfit, plan->unfit_count, unfit);
}

static int add_broken(struct kt_plan *plan, const bool *selected)
{
	unsigned int n;
	const struct kt_broken_scenario *const *table = kt_broken_scenarios(&n);

	for (unsigned int i = 0; i < n; i++)
		if (selected[i])
			KT_TRY(add_unfit(plan, table[i]->name, table[i]->error));
	return 0;
}

/* Whether the scenario's ops and workers fit a topology that is not its own. */
static bool fits(const struct kt_scenario *s, const char *topology)
{
	struct kt_diag why = KT_DIAG_INIT;
	struct kt_scenario moved = *s;

	moved.topo = topology;
	return !kt_scenario_validate(&moved, &why);
}

/* An invalid record hinders no other. */
static int add_cell(struct kt_plan *plan, const struct kt_scenario *s,
		    const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	struct kt_diag why = KT_DIAG_INIT;
	char text[KT_DIAG_TEXT_MAX];

	if (kt_scenario_validate(s, &why))
		return kt_forward(
			add_unfit(plan, s->name, kt_diag_format(&why, text, sizeof(text))));
	kt_diag_doing(diag, "plan scenario '%s'", s->name);
	if (kt_cell_init(&plan->cells[plan->count], s, wishes, diag))
		return KT_PLAN_E_INVALID;
	if (wishes->topology && !fits(s, wishes->topology))
		plan->cells[plan->count].skip =
			"it names CPUs, nodes or LLCs that the given topology does not have";
	plan->count++;
	kt_diag_reset(diag);
	return 0;
}

static int add_cells(struct kt_plan *plan, const bool *selected,
		     const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	unsigned int n;
	const struct kt_scenario *const *table = kt_scenario_table(&n);

	plan->cells = calloc(n + 1, sizeof(plan->cells[0]));
	if (!plan->cells)
		return kt_raise(-ENOMEM);
	for (unsigned int i = 0; i < n; i++)
		if (selected[i])
			KT_TRY(add_cell(plan, table[i], wishes, diag));
	return 0;
}

int kt_plan_select(struct kt_plan *ret_plan, const char *const *patterns, unsigned int count,
		   const struct kt_cell_wishes *wishes, struct kt_diag *diag)
{
	_cleanup_(kt_plan_deinit) struct kt_plan plan = { 0 };
	_cleanup_(selection_deinit) struct selection selected = { 0 };
	unsigned int n, broken;

	kt_scenario_table(&n);
	kt_broken_scenarios(&broken);
	selected.sound = calloc(n + 1, sizeof(bool));
	selected.broken = calloc(broken + 1, sizeof(bool));
	if (!selected.sound || !selected.broken)
		return kt_raise(-ENOMEM);
	for (unsigned int i = 0; i < count; i++)
		if (!select_one(&selected, patterns[i]))
			return no_match(patterns[i], diag);
	if (!count && !select_one(&selected, "*"))
		return no_match("*", diag);
	KT_TRY(add_broken(&plan, selected.broken));
	KT_TRY(add_cells(&plan, selected.sound, wishes, diag));
	*ret_plan = plan;
	plan = (struct kt_plan){ 0 };
	return 0;
}

void kt_plan_deinit(struct kt_plan *plan)
{
	free(plan->cells);
	free(plan->unfit);
	*plan = (struct kt_plan){ 0 };
}
