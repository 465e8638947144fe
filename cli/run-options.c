/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `ktest run`; see run-options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/run-options.h"
#include "runner/jobs.h"

#define TIMEOUT_MAX_NS (86400 * KT_NSEC_PER_SEC)

/* Splits PATH[:NAME] at the last colon, unless a '/' follows the colon. */
static int take_scheduler(void *target, const char *value, struct kt_diag *diag)
{
	struct run_options *o = target;
	const char *colon = strrchr(value, ':');
	char path[PATH_MAX];
	size_t len;

	if (colon && strchr(colon, '/'))
		colon = NULL;
	len = colon ? (size_t)(colon - value) : strlen(value);
	if (colon && !kt_scenario_is_name(colon + 1))
		return kt_fail(diag, 1, "'%s' is not a name: a-z, 0-9 and _", colon + 1);
	if (len >= sizeof(path))
		return kt_fail(diag, 1, "the path is too long");
	snprintf(path, sizeof(path), "%.*s", (int)len, value);
	o->machine.wishes.scheduler_name = colon ? colon + 1 : NULL;
	/* Absolute: the rerun command must work from any folder. */
	if (!strchr(path, '/') || !realpath(path, o->scheduler))
		snprintf(o->scheduler, sizeof(o->scheduler), "%s", path);
	o->machine.wishes.scheduler = o->scheduler;
	return 0;
}

static int take_limit(void *target, const char *value, struct kt_diag *diag)
{
	struct run_options *o = target;

	return kt_limits_parse(&o->machine.wishes.limits, value, diag);
}

/* clang-format off */
#define FLAG(field) CLI_FLAG(struct run_options, field)
const struct cli_option run_options_table[] = {
	CLI_ACCEL,
	{ "artifacts", 0, "DIR", CLI_TEXT(struct run_options, request.artifacts),
	  .help = "create the run's folder in DIR (default: $XDG_STATE_HOME/ktest/runs)" },
	CLI_ATTACH_TIMEOUT,
	{ "cold", 0, NULL, FLAG(machine.wishes.cold),
	  .help = "boot the machine for this run instead of starting from a clone of a saved "
		  "machine" },
	{ "fail-on-inconclusive", 0, NULL, FLAG(fail_on_inconclusive),
	  .help = "count inconclusive runs as failed: exit status 1 in place of 2. The verdict is "
		  "not changed" },
	CLI_FILE,
	CLI_FORCE,
	{ "jobs", 'j', "N", CLI_NUMBER(struct run_options, parallel, 1, KT_JOBS_MAX), .value = "1",
	  .help = "run N scenarios at the same time, each in a machine of its own. Each result is "
		  "printed as a whole, in the order of the list. N above 1 excludes --verbose and "
		  "--perf" },
	{ "json", 0, NULL, FLAG(json), .help = "print the results as a JSON array" },
	{ "keep", 0, NULL, FLAG(request.keep),
	  .help = "also keep the initramfs, or the archive that was staged into a clone" },
	{ "keep-identity", 0, NULL, FLAG(request.keep_identity),
	  .help = "let a clone keep the machine id and the host name of the machine that was "
		  "saved" },
	{ "kernel", 0, "WHAT", CLI_LIST(struct run_options, kernels),
	  .help = CLI_KERNEL_HELP ". May be given several times, or as a glob over the ids of the "
		  "cache ('7.*'): each scenario is run on each kernel, and a table shows the verdicts" },
	{ "limit", 0, "NAME=VALUE", CLI_CALL(take_limit),
	  .help = "judge the workers by this limit instead of the scenario's: gap=500ms, "
		  "spread=30%, isolation=off, ... May be given several times; docs/scenarios.md "
		  "has the names" },
	{ "no-skip", 0, NULL, FLAG(no_skip), .help = "count skipped scenarios as failed" },
	{ "perf", 0, NULL, FLAG(machine.wishes.perf),
	  .help = "a machine for measuring, under kvm alone: a CPU of the host for each vCPU and "
		  "one for ktest, huge pages, no exits for HLT and PAUSE, polling before a halt" },
	{ "scheduler", 0, "PATH[:NAME]", CLI_CALL(take_scheduler),
	  .help = "run this scheduler in place of the scenario's scheduler; in a scenario without "
		  "scheduler its name is NAME (default: under_test). Scenarios about a particular "
		  "scheduler are skipped" },
	CLI_SCHEDULER_ARG,
	CLI_SEED,
	{ "stats", 0, NULL, FLAG(stats),
	  .help = "print what each vCPU used: run time, time in the guest, time spent waiting for "
		  "a CPU, exits by reason; and how busy the host was" },
	CLI_TIME,
	{ "timeout", 0, "DURATION",
	  CLI_DURATION(struct cli_machine, wishes.timeout_ns, 1, TIMEOUT_MAX_NS),
	  .help = "limit of wall time per run: a number of seconds, or a number with ms, s, m or h "
		  "(default: the scenario's, else its holds plus 120 s)" },
	{ "topology", 0, "WORD", CLI_LIST(struct run_options, topologies),
	  .help = "topology of each machine in place of the scenario's. Scenarios that name CPUs "
		  "which it does not have are skipped. May be given several times: each scenario is "
		  "run on each topology, and a table shows the verdicts" },
	{ "verbose", 'v', NULL, CLI_FLAG(struct cli_machine, verbose),
	  .help = "show the guest's console and the output of the scenario's body on standard "
		  "error" },
	{ 0 },
};
/* clang-format on */

static int check_topologies(const struct cli_verb *verb, const struct run_options *o)
{
	for (const char *const *word = o->topologies; *word; word++) {
		struct kt_diag diag = KT_DIAG_INIT;
		struct kt_topology topo;

		if (kt_topology_parse(&topo, *word, &diag))
			return cli_usage_error(verb, "--topology %s: %s", *word, diag.cause);
		for (const char *const *other = o->topologies; other < word; other++)
			if (!strcmp(*other, *word))
				return cli_usage_error(verb, "--topology %s is given twice", *word);
	}
	return 0;
}

int run_options_parse(const struct cli_verb *verb, struct run_options *o, int *argc, char ***argv)
{
	int r = cli_parse(verb, o, argc, argv);

	if (!r)
		r = cli_machine_check(verb, &o->machine);
	if (!r)
		r = check_topologies(verb, o);
	/* Consoles would mix, and machines would compete for the same CPUs. */
	if (!r && o->parallel > 1 && (o->machine.verbose || o->machine.wishes.perf))
		return cli_usage_error(verb, "%s goes with one job at a time",
				       o->machine.verbose ? "--verbose" : "--perf");
	return r;
}
