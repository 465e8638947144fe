/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest list`: prints the table of scenarios, or what they are made of. Opens no file and no
 * device.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "machine/stage/schedulers.h"
#include "proto/result.h"
#include "runner/plan.h"

struct list_options {
	bool json;
	bool limits, schedulers, workloads; /* list these instead of scenarios */
};

/* clang-format off */
static const struct cli_option options[] = {
	{ "json", 0, NULL, CLI_FLAG(struct list_options, json),
	  .help = "print a JSON array; of scenarios with topology, memory and schedulers" },
	{ "limits", 0, NULL, CLI_FLAG(struct list_options, limits),
	  .help = "list the limits that workers are judged by, with their built-in values" },
	{ "schedulers", 0, NULL, CLI_FLAG(struct list_options, schedulers),
	  .help = "list the schedulers that come with ktest, which --scheduler knows by name" },
	{ "workloads", 0, NULL, CLI_FLAG(struct list_options, workloads),
	  .help = "list the workloads of workers" },
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

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:I, s:b, s:s, s:o, s:s, s:o, s:o, s:i}",
			 "name", s->name, "doc", s->doc, "file", s->file, "line", s->line,
			 "topology", cell->machine.topology, "memory_bytes",
			 (json_int_t)cell->machine.memory_bytes, "nested", s->nested, "start",
			 start_name(s->start), "modules", names_json(s->modules), "cmdline",
			 s->cmdline ?: "", "sched", scheds_json(s->sched), "staged",
			 scheds_json(s->staged), "snapshots", (int)s->snapshots);
}

/* Takes over the reference. */
static int print_json(json_t *list)
{
	int r = json_dumpf(list, stdout, JSON_INDENT(2));

	json_decref(list);
	putchar('\n');
	return r ? KT_EXIT_COULD_NOT_RUN : 0;
}

static int print_plan_json(const struct kt_plan *plan)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < plan->count; i++)
		json_array_append_new(list, cell_json(&plan->cells[i]));
	return print_json(list);
}

/* ---- what scenarios are made of ---- */

static json_t *limits_json(void)
{
	json_t *list = json_array();
	char text[KT_LIMIT_TEXT_MAX];

	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++) {
		const char *value = kt_limit_format(&kt_limits_default, i, text);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "name", kt_limit_name(i),
						"built_in", value ? strchr(value, '=') + 1 : "off",
						"doc", kt_limit_doc(i)));
	}
	return list;
}

static json_t *schedulers_json(void)
{
	json_t *list = json_array();

	for (const struct kt_own_scheduler *s = kt_own_schedulers; s->name; s++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "name", s->name, "doc", s->doc));
	return list;
}

static json_t *workloads_json(void)
{
	unsigned int count;
	const struct kt_workload *const *table = kt_workload_table(&count);
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", table[i]->name, "doc",
						      table[i]->doc));
	return list;
}

/* Prints a list of objects with name and doc, and built_in if they have it. */
static int print_parts(json_t *list, bool json)
{
	size_t i;
	json_t *part;

	if (json)
		return print_json(list);
	json_array_foreach(list, i, part)
	{
		const char *name, *doc, *built_in = NULL;

		if (!json_unpack(part, "{s:s, s:s, s?s}", "name", &name, "doc", &doc, "built_in",
				 &built_in))
			printf("%-15s %s%s%s%s\n", name, doc, built_in ? " (built in: " : "",
			       built_in ?: "", built_in ? ")" : "");
	}
	json_decref(list);
	return 0;
}

static int run_parts(const struct cli_verb *verb, const struct list_options *o, int argc)
{
	if (o->limits + o->schedulers + o->workloads > 1 || argc)
		return cli_usage_error(verb, "list one kind of thing; patterns go with scenarios");
	return print_parts(o->limits	 ? limits_json() :
			   o->schedulers ? schedulers_json() :
					   workloads_json(),
			   o->json);
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
	if (o.limits || o.schedulers || o.workloads)
		return run_parts(verb, &o, argc);
	r = kt_plan_select(&plan, (const char *const *)argv, (unsigned int)argc, &none, &diag);
	if (r)
		return cli_fail(&diag, r);
	if (o.json)
		r = print_plan_json(&plan);
	for (unsigned int i = 0; !o.json && i < plan.count; i++)
		printf("%-45s %s\n", plan.cells[i].scenario->name, plan.cells[i].scenario->doc);
	fflush(stdout);
	for (unsigned int i = 0; i < plan.unfit_count; i++)
		fprintf(stderr, "ktest list: scenario '%s' cannot be run: %s\n", plan.unfit[i].name,
			plan.unfit[i].cause);
	return plan.unfit_count ? KT_EXIT_COULD_NOT_RUN : r;
}

/* clang-format off */
const struct cli_verb cli_list = {
	"list", "[OPTION]... [PATTERN]...", "list scenarios, workloads, schedulers or limits",
	.about = "Lists the scenarios whose names match a glob, or all, with their summaries.",
	.options = options, .args_max = INT_MAX, .run = run,
};
