/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktest list`: prints the table of scenarios. Opens no file and no device. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "proto/result.h"
#include "runner/plan.h"

struct list_options {
	bool json;
};

/* clang-format off */
static const struct cli_option options[] = {
	{ "json", 0, NULL, CLI_FLAG(struct list_options, json),
	  .help = "print a JSON array, with topology, memory and schedulers" },
	{ 0 },
};
/* clang-format on */

static json_t *scheds_json(const struct kt_sched_decl *d)
{
	json_t *list = json_array();

	for (; d && d->name; d++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", d->name, "binary", d->binary));
	return list;
}

static json_t *names_json(const char *const *names)
{
	json_t *list = json_array();

	for (; names && *names; names++)
		json_array_append_new(list, json_string(*names));
	return list;
}

static const char *start_name(enum kt_start start)
{
	return start == KT_START_COLD ? "cold" : start == KT_START_ATTACHED ? "attached" : "warm";
}

static json_t *cell_json(const struct kt_cell *cell)
{
	const struct kt_scenario *s = cell->scenario;

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:I, s:b, s:s, s:o, s:o, s:o, s:i}", "name",
			 s->name, "doc", s->doc, "file", s->file, "line", s->line, "topology",
			 cell->machine.topology, "memory_bytes",
			 (json_int_t)cell->machine.memory_bytes, "nested", s->nested, "start",
			 start_name(s->start), "modules", names_json(s->modules), "sched",
			 scheds_json(s->sched), "staged", scheds_json(s->staged), "snapshots",
			 (int)s->snapshots);
}

static int print_json(const struct kt_plan *plan)
{
	json_t *list = json_array();
	int r;

	for (unsigned int i = 0; i < plan->count; i++)
		json_array_append_new(list, cell_json(&plan->cells[i]));
	r = json_dumpf(list, stdout, JSON_INDENT(2));
	json_decref(list);
	putchar('\n');
	return r ? KT_EXIT_COULD_NOT_RUN : 0;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	const struct kt_cell_wishes none = { .has_seed = true };
	_cleanup_(kt_plan_deinit) struct kt_plan plan = { 0 };
	struct kt_diag diag = KT_DIAG_INIT;
	struct list_options o = { 0 };
	int r = cli_parse(verb, &o, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	if (kt_plan_select(&plan, (const char *const *)argv, (unsigned int)argc, &none, &diag)) {
		cli_print_diag(&diag);
		return KT_EXIT_COULD_NOT_RUN;
	}
	if (o.json)
		return print_json(&plan);
	for (unsigned int i = 0; i < plan.count; i++)
		printf("%-45s %s\n", plan.cells[i].scenario->name, plan.cells[i].scenario->doc);
	return 0;
}

/* clang-format off */
const struct cli_verb cli_list = {
	"list", "[OPTION]... [PATTERN]...", "list scenarios",
	.about = "Lists the scenarios whose names match a glob, or all, with their summaries.",
	.options = options, .args_max = INT_MAX, .run = run,
};
