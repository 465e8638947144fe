/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `ktest run`; see run-options.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/run-options.h"
#include "runner/jobs.h"

static const char help[] =
	"usage: ktest run [OPTION]... PATTERN...\n\n"
	"Runs the scenarios whose names match a glob, each in a machine of its own.\n"
	"'lib/*' are those of the library, which can be run under any scheduler.\n\n"
	"      --accel NAME           auto (default), kvm or tcg; auto is kvm where the\n"
	"                             host's KVM can run Linux\n"
	"      --artifacts DIR        keep artefacts in a new folder in DIR\n"
	"      --cold                 boot the machine for this run, instead of starting\n"
	"                             from a clone of one that was booted before\n"
	"      --fail-on-inconclusive count a run that proves nothing as failed\n"
	"      --file HOST:GUEST      put a file of the host into the guest, at that\n"
	"                             absolute path, a program with its libraries;\n"
	"                             may be given several times\n"
	"      --force                with --accel kvm: try it although the host's KVM\n"
	"                             was found unfit\n"
	"  -j, --jobs N               run N scenarios at a time, 1 (default) to 256\n"
	"      --json                 print the results as JSON\n"
	"      --keep                 also keep what was staged: the initramfs, or what\n"
	"                             a clone was given\n"
	"      --keep-identity        let a clone keep the machine id and the host name\n"
	"                             of the machine that was saved\n"
	"      --kernel PATH          guest kernel, vmlinux or bzImage (default:\n"
	"                             $KTEST_KERNEL, else the newest one that\n"
	"                             'ktest kernel build' made)\n"
	"      --limit NAME=VALUE     judge the workers by this limit, whatever the\n"
	"                             scenario says: gap=500ms, spread=30%, ...; may be\n"
	"                             given several times; see docs/scenarios.md\n"
	"      --no-skip              count a scenario that is skipped as failed\n"
	"      --perf                 a machine for measuring (kvm): a CPU for each vCPU,\n"
	"                             huge pages, no exits for HLT and PAUSE\n"
	"      --scheduler PATH[:NAME]\n"
	"                             run this scheduler binary in place of the\n"
	"                             scenario's own, or in one that has none, where it\n"
	"                             is called NAME (default: under_test)\n"
	"      --scheduler-arg ARG    pass ARG to it; may be given several times\n"
	"      --seed N               seed of everything random (default: random,\n"
	"                             printed with the result)\n"
	"      --stats                print what each vCPU used: run time, time in the\n"
	"                             guest, exits by reason, and how busy the host was\n"
	"      --timeout SECONDS      limit for each run (default: what the scenario\n"
	"                             says, else 120 s more than it holds)\n"
	"  -v, --verbose              show the guest's console, and what the\n"
	"                             scenario's body prints, while it runs\n"
	"  -h, --help                 show this help\n\n"
	"Ctrl-C ends a run within a second and keeps its results so far.\n"
	"Exit status: 0 pass, 1 fail, 2 inconclusive, 3 could not run, 77 all skipped.\n";

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno && end != text && !*end && text[0] != '-';
}

static int parse_file(struct run_options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_stage_files_add(&o->files, value, &diag);

	return r ? cli_usage_error("run", "--file '%s': %s", value,
				   r > 0 ? diag.cause : strerror(-r)) :
		   0;
}

/* PATH[:NAME]: a colon in the path itself is followed by a '/' somewhere. */
static int parse_scheduler(struct run_options *o, const char *value)
{
	struct kt_cell_wishes *wishes = &o->wishes;
	const char *colon = strrchr(value, ':');
	char path[PATH_MAX];

	if (colon && strchr(colon, '/'))
		colon = NULL;
	if (colon && !kt_scenario_is_name(colon + 1))
		return cli_usage_error("run", "'%s' is not a name: a-z, 0-9 and _", colon + 1);
	if ((size_t)snprintf(path, sizeof(path), "%.*s",
			     colon ? (int)(colon - value) : (int)strlen(value),
			     value) >= sizeof(path))
		return cli_usage_error("run", "--scheduler: the path is too long");
	wishes->scheduler_name = colon ? colon + 1 : NULL;
	/* The command that repeats the run must work from any folder. */
	if (!strchr(path, '/') || !realpath(path, o->scheduler))
		snprintf(o->scheduler, sizeof(o->scheduler), "%s", path);
	wishes->scheduler = o->scheduler;
	return 0;
}

static int parse_limit(struct run_options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;

	if (!kt_limits_parse(&o->wishes.limits, value, &diag))
		return 0;
	return cli_usage_error("run", "--limit '%s': %s%s%s", value, diag.cause,
			       diag.remedy[0] ? "; " : "", diag.remedy);
}

static int parse_value(struct run_options *o, int c, const char *value)
{
	struct kt_cell_wishes *wishes = &o->wishes;
	uint64_t n;

	switch (c) {
	case 'A':
		if (kt_accel_parse(&wishes->accel, value))
			return cli_usage_error("run", "no accelerator '%s'", value);
		break;
	case 'd':
		o->request.artifacts = value;
		break;
	case 'K':
		o->kernel_path = value;
		break;
	case 's':
		return parse_scheduler(o, value);
	case 'L':
		return parse_limit(o, value);
	case 'a':
		if (o->arg_count == KT_ARGS_MAX)
			return cli_usage_error("run", "more than %d arguments for a scheduler",
					       KT_ARGS_MAX);
		o->args[o->arg_count++] = value;
		break;
	case 'F':
		return parse_file(o, value);
	case 'S':
		if (!parse_number(value, &wishes->seed))
			return cli_usage_error("run", "'%s' is not a seed", value);
		wishes->has_seed = true;
		break;
	case 'j':
		if (!parse_number(value, &n) || !n || n > KT_JOBS_MAX)
			return cli_usage_error("run", "'%s' is not a number of jobs from 1 to %d",
					       value, KT_JOBS_MAX);
		o->parallel = (unsigned int)n;
		break;
	case 't':
		if (!parse_number(value, &n) || !n || n > 86400)
			return cli_usage_error("run",
					       "'%s' is not a number of seconds from 1 to "
					       "86400",
					       value);
		wishes->timeout_ns = n * KT_NSEC_PER_SEC;
		break;
	}
	return 0;
}

int run_options_parse(struct run_options *o, int argc, char **argv, int *ret_first)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'A' },
		{ "artifacts", required_argument, NULL, 'd' },
		{ "cold", no_argument, NULL, 'c' },
		{ "fail-on-inconclusive", no_argument, NULL, 'I' },
		{ "file", required_argument, NULL, 'F' },
		{ "force", no_argument, NULL, 'f' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "json", no_argument, NULL, 'J' },
		{ "keep", no_argument, NULL, 'k' },
		{ "keep-identity", no_argument, NULL, 'i' },
		{ "kernel", required_argument, NULL, 'K' },
		{ "limit", required_argument, NULL, 'L' },
		{ "no-skip", no_argument, NULL, 'n' },
		{ "perf", no_argument, NULL, 'p' },
		{ "scheduler", required_argument, NULL, 's' },
		{ "scheduler-arg", required_argument, NULL, 'a' },
		{ "seed", required_argument, NULL, 'S' },
		{ "stats", no_argument, NULL, 'x' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r;

	while ((c = getopt_long(argc, argv, ":hj:v", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return -1;
		case 'c':
			o->wishes.cold = true;
			break;
		case 'i':
			o->request.keep_identity = true;
			break;
		case 'I':
			o->fail_on_inconclusive = true;
			break;
		case 'f':
			o->force = true;
			break;
		case 'J':
			o->json = true;
			break;
		case 'k':
			o->request.keep = true;
			break;
		case 'n':
			o->no_skip = true;
			break;
		case 'p':
			o->wishes.perf = true;
			break;
		case 'x':
			o->stats = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case ':':
		case '?':
			return cli_bad_option("run", argv, c);
		default:
			r = parse_value(o, c, optarg);
			if (r)
				return r;
		}
	}
	if (optind == argc)
		return cli_usage_error("run", "name at least one scenario, or '*'");
	if (o->force && o->wishes.accel != KT_ACCEL_KVM)
		return cli_usage_error("run", "--force goes with --accel kvm");
	/* What of several consoles, or of machines that want the same CPUs? */
	if (o->parallel > 1 && (o->verbose || o->wishes.perf))
		return cli_usage_error("run", "%s goes with one job at a time",
				       o->verbose ? "--verbose" : "--perf");
	if (o->arg_count && !o->wishes.scheduler)
		return cli_usage_error("run", "--scheduler-arg goes with --scheduler");
	*ret_first = optind;
	return 0;
}

void run_options_deinit(struct run_options *o)
{
	kt_stage_files_deinit(&o->files);
}
