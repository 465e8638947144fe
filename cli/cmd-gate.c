/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktest gate`: are restored machines what was saved? */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/measure.h"
#include "proto/result.h"
#include "measure/gate/gate.h"
#include "measure/gate/open.h"

static const char help[] =
	"usage: ktest gate restore [OPTION]...\n\n"
	"Restores machines over and over and tries out each of them, on every vCPU.\n\n"
	"      --accel NAME          auto (default), kvm or tcg\n"
	"      --artifact FILE       write all samples and failures into FILE, as JSON\n"
	"      --cycles N            cycles of each cell (default: 50)\n"
	"      --first N             number of the first cycle (default: 0)\n"
	"      --guest linux|micro   what runs in the machines (default: linux)\n"
	"      --keep DIR            keep the first failing cycle in a new folder in DIR\n"
	"                            (default: where 'ktest run' keeps its artefacts)\n"
	"      --kernel PATH         guest kernel (default: as 'ktest run')\n"
	"      --load WHAT           idle (default), busy or both: what went on when the\n"
	"                            machine was saved\n"
	"      --mode WHAT           fresh, reuse or both (default): a new machine for\n"
	"                            each cycle, or the same one taken back\n"
	"      --module PATH         kernel module that is loaded when it is saved\n"
	"      --scheduler NAME      scheduler that is attached when it is saved\n"
	"                            (default: none)\n"
	"      --seed N              seed of everything random (default: random, printed)\n"
	"      --vcpus LIST          as 1,2,4,8 (default: 4)\n"
	"  -h, --help                show this help\n\n"
	"Ctrl-C ends it and prints what there is, which is not a pass.\n"
	"Exit status: 0 every cycle passed, 1 at least one failed, 2 a machine could not\n"
	"be baked, or it was cut short, 3 could not run.\n";

struct options {
	struct kt_gate_request request;
	struct kt_gate_spec spec;
	const char *artifact, *kernel_path;
	char module[KT_PATH_MAX];
	struct kt_buf rerun;
	bool have_seed;
	int cancel_fd;
	bool progress; /* stderr is a terminal */
};

/* ---- options ---- */

/* One of two names, or "both". */
static int parse_both(const char *option, const char *value, bool chosen[2], const char *first,
		      const char *second)
{
	bool both = !strcmp(value, "both");

	chosen[0] = both || !strcmp(value, first);
	chosen[1] = both || !strcmp(value, second);
	return chosen[0] || chosen[1] ? 0 :
					cli_usage_error("gate", "%s: '%s' is not %s, %s or both",
							option, value, first, second);
}

static int parse_vcpus(struct options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;

	return kt_levels_parse(&o->request.vcpus, value, &diag) ?
		       cli_usage_error("gate", "--vcpus: %s", diag.cause) :
		       0;
}

static int parse_cycles(struct options *o, const char *value)
{
	o->request.cycles = (unsigned int)cli_parse_count(value, KT_REPEATS_MAX);
	return o->request.cycles ?
		       0 :
		       cli_usage_error("gate", "--cycles: '%s' is not a number from 1 to %u", value,
				       KT_REPEATS_MAX);
}

static int parse_first(struct options *o, const char *value)
{
	o->request.first = (unsigned int)cli_parse_count(value, KT_REPEATS_MAX);
	return o->request.first || !strcmp(value, "0") ?
		       0 :
		       cli_usage_error("gate", "--first: '%s' is not a number from 0 to %u", value,
				       KT_REPEATS_MAX);
}

static int parse_guest(struct options *o, const char *value)
{
	o->spec.guest = strcmp(value, "micro") ? KT_GATE_LINUX : KT_GATE_MICRO;
	return o->spec.guest == KT_GATE_LINUX && strcmp(value, "linux") ?
		       cli_usage_error("gate", "--guest: '%s' is not linux or micro", value) :
		       0;
}

static int parse_module(struct options *o, const char *value)
{
	if (!realpath(value, o->module))
		return cli_usage_error("gate", "--module '%s': %s", value, strerror(errno));
	o->spec.module = o->module;
	return 0;
}

static int parse_value(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'A':
		return kt_accel_parse(&o->spec.accel, value) ?
			       cli_usage_error("gate", "no accelerator '%s'", value) :
			       0;
	case 'c':
		return parse_cycles(o, value);
	case 'F':
		return parse_first(o, value);
	case 'g':
		return parse_guest(o, value);
	case 'l':
		return parse_both("--load", value, o->request.loads, "idle", "busy");
	case 'm':
		return parse_both("--mode", value, o->request.modes, "fresh", "reuse");
	case 'M':
		return parse_module(o, value);
	case 'v':
		return parse_vcpus(o, value);
	case 'S':
		o->have_seed = true;
		return cli_parse_seed(value, &o->request.seed) ?
			       0 :
			       cli_usage_error("gate", "'%s' is not a seed", value);
	case 's':
		o->request.scheduler = strcmp(value, "none") ? value : NULL;
		return 0;
	case 'f':
		o->artifact = value;
		return 0;
	case 'K':
		o->kernel_path = value;
		return 0;
	default:
		o->request.keep_dir = value;
		return 0;
	}
}

/* What cannot go together, or would be too much to be kept. */
static int check_options(const struct options *o)
{
	if (o->request.first + o->request.cycles > KT_REPEATS_MAX)
		return cli_usage_error("gate", "--first and --cycles end beyond %u",
				       KT_REPEATS_MAX);
	if (kt_gate_samples(&o->request) > KT_SAMPLES_MAX)
		return cli_usage_error("gate",
				       "these are too many cycles to keep their samples; run it "
				       "in parts");
	if (o->spec.guest == KT_GATE_MICRO && (o->spec.module || o->request.scheduler))
		return cli_usage_error("gate", "--module and --scheduler go with --guest linux");
	return 0;
}

/* 0, an exit status, or -1 when help was printed. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'A' },
		{ "artifact", required_argument, NULL, 'f' },
		{ "cycles", required_argument, NULL, 'c' },
		{ "first", required_argument, NULL, 'F' },
		{ "guest", required_argument, NULL, 'g' },
		{ "keep", required_argument, NULL, 'k' },
		{ "kernel", required_argument, NULL, 'K' },
		{ "load", required_argument, NULL, 'l' },
		{ "mode", required_argument, NULL, 'm' },
		{ "module", required_argument, NULL, 'M' },
		{ "scheduler", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "vcpus", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return -1;
		}
		r = c == ':' || c == '?' ? cli_bad_option("gate", argv, c) :
					   parse_value(o, c, optarg);
	}
	if (r)
		return r;
	if (optind == argc)
		return cli_usage_error("gate", "name what is to be tried out: restore");
	if (strcmp(argv[optind], "restore"))
		return cli_usage_error("gate", "no gate '%s'", argv[optind]);
	if (optind + 1 < argc)
		return cli_usage_error("gate", "it takes no argument '%s'", argv[optind + 1]);
	return check_options(o);
}

/* ---- what is shown while it runs ---- */

static void on_progress(void *arg, const struct kt_gate_cell *cell, unsigned int cycle)
{
	const struct options *o = arg;

	if (o->progress)
		fprintf(stderr, "\r\033[K%u vCPUs, %s, %s: cycle %u", cell->vcpus,
			kt_gate_mode_name(cell->mode), kt_gate_load_name(cell->load), cycle);
}

static void on_failure(void *arg, const struct kt_gate_cell *cell, unsigned int cycle,
		       const struct kt_diag *diag)
{
	const struct options *o = arg;
	char text[KT_DIAG_TEXT_MAX];

	kt_measured_text(text, sizeof(text), kt_diag_format(diag, text, sizeof(text)));
	printf("%sFAILED %u vCPUs, %s, %s, %s, cycle %u: %s\n", o->progress ? "\r\033[K" : "",
	       cell->vcpus, kt_gate_mode_name(cell->mode), kt_gate_load_name(cell->load),
	       cell->scheduler ?: "none", cycle, text);
	fflush(stdout);
}

static bool is_cancelled(void *arg)
{
	const struct options *o = arg;

	return cli_is_cancelled(o->cancel_fd);
}

static void print_diag(const struct kt_diag *diag)
{
	if (kt_diag_is_set(diag))
		cli_print_diag(diag);
}

static void print_end(const struct kt_gate_result *res)
{
	static const char *const words[] = { [KT_EXIT_PASS] = "PASS",
					     [KT_EXIT_FAIL] = "FAIL",
					     [KT_EXIT_INCONCLUSIVE] = "INCONCLUSIVE" };

	print_diag(&res->fault);
	print_diag(&res->unkept);
	if (res->kept[0])
		printf("kept: %s\n", res->kept);
	printf("%s: %llu of %llu cycles run, %llu failed", words[kt_gate_exit(res)],
	       (unsigned long long)res->cycles, (unsigned long long)res->wanted,
	       (unsigned long long)res->failures);
	if (res->bakes_failed)
		printf("; %u bakes failed", res->bakes_failed);
	printf("%s\n", res->cancelled ? "; cut short by the user" : "");
}

/* ---- running ---- */

static int add_word(struct kt_buf *out, const char *option, const char *word)
{
	return kt_buf_printf(out, "%s", option) ?: kt_buf_append_word(out, word);
}

/* What repeats a cell, but for what the gate adds. */
static int make_rerun(struct options *o)
{
	char exe[KT_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int r;

	exe[n > 0 ? n : 0] = '\0';
	r = add_word(&o->rerun, "", exe) ?:
		    kt_buf_printf(&o->rerun, " gate restore --guest %s --accel %s",
				  o->spec.guest == KT_GATE_MICRO ? "micro" : "linux",
				  kt_accel_name(o->spec.accel));
	if (!r && o->spec.kernel)
		r = add_word(&o->rerun, " --kernel ", o->spec.kernel->path);
	if (!r && o->spec.module)
		r = add_word(&o->rerun, " --module ", o->spec.module);
	if (!r && o->request.scheduler)
		r = add_word(&o->rerun, " --scheduler ", o->request.scheduler);
	o->request.rerun = kt_buf_str(&o->rerun);
	return r;
}

/* Micro-guests also run where KVM cannot run Linux, and nowhere but under kvm. */
static int choose_accel(struct options *o, struct kt_diag *diag)
{
	if (o->spec.guest != KT_GATE_MICRO)
		return cli_choose_accel("gate", &o->spec.accel, o->spec.accel, diag);
	if (o->spec.accel == KT_ACCEL_AUTO)
		o->spec.accel = KT_ACCEL_KVM;
	return 0;
}

/* The machines and what is known of them before any is run. */
static int prepare(struct options *o, struct kt_gate_machines *machines, struct kt_kernel *kernel,
		   struct kt_measured *measured, struct kt_diag *diag)
{
	int r = choose_accel(o, diag);

	if (!r && o->spec.guest == KT_GATE_LINUX) {
		r = kt_kernel_find(kernel, o->kernel_path, diag);
		o->spec.kernel = kernel;
	}
	r = r ?: make_rerun(o);
	if (r)
		return r;
	cli_note_machine(measured, o->spec.accel, "1n1lNc1t", o->spec.kernel);
	return kt_gate_machines_open(machines, &o->spec, diag);
}

static int run(struct options *o)
{
	_cleanup_(kt_measured_deinit) struct kt_measured measured;
	_cleanup_(kt_freep) struct kt_gate_result *res = calloc(1, sizeof(*res));
	struct kt_gate_machines machines;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r, status;

	kt_measured_init(&measured, KT_MEASURED_GATE);
	r = res ? prepare(o, &machines, &kernel, &measured, &diag) : -ENOMEM;
	if (r) {
		if (!kt_diag_is_set(&diag))
			kt_diag_cause(&diag, "%s", strerror(r < 0 ? -r : EINVAL));
		cli_print_diag(&diag);
		return KT_EXIT_COULD_NOT_RUN;
	}
	r = kt_gate_run(res, &measured, &o->request, &machines);
	if (r && !kt_diag_is_set(&res->fault))
		kt_diag_cause(&res->fault, "%s", strerror(-r));
	if (o->progress)
		fputs("\r\033[K", stderr);
	status = (int)kt_gate_exit(res);
	if (cli_report(&measured, o->artifact) && !status)
		status = KT_EXIT_COULD_NOT_RUN;
	print_end(res);
	return status;
}

int cmd_gate(int argc, char **argv)
{
	struct options o = {
		.request = { .vcpus = { { 4 }, 1 },
			     .modes = { true, true },
			     .loads = { true, false },
			     .cycles = 50,
			     .on_progress = on_progress,
			     .on_failure = on_failure,
			     .is_cancelled = is_cancelled },
		.spec = { .accel = KT_ACCEL_AUTO },
	};
	int r = parse_options(&o, argc, argv);

	if (r)
		return r < 0 ? 0 : r;
	o.request.arg = &o;
	o.progress = isatty(STDERR_FILENO);
	if (!o.have_seed)
		o.request.seed = cli_random_seed();
	o.spec.seed = o.request.seed;
	o.cancel_fd = o.spec.cancel_fd = cli_open_cancel_fd();
	if (o.cancel_fd < 0) {
		fprintf(stderr, "ktest gate: cannot watch for signals: %s\n", strerror(errno));
		return KT_EXIT_COULD_NOT_RUN;
	}
	r = run(&o);
	kt_buf_deinit(&o.rerun);
	close(o.cancel_fd);
	return r;
}
