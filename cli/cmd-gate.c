/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest gate`: runs the gate and prints failures and the report. This file turns options into a
 * kt_gate_request; cycles are left to measure/gate/, the report to measure/show.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/machine-options.h"
#include "cli/measure.h"
#include "proto/result.h"
#include "measure/gate/gate.h"
#include "measure/gate/open.h"

struct options {
	struct cli_machine machine;
	struct kt_gate_request request;
	struct kt_gate_spec spec;
	const struct cli_verb *verb;
	unsigned int load, mode; /* 0: first, 1: second, 2: both */
	const char *artifact;
	char module[KT_PATH_MAX];
	struct kt_buf rerun;
	int cancel_fd;
	bool progress; /* stderr is a terminal */
};

/* ---- options ---- */

static int take_vcpus(void *target, const char *value, struct kt_diag *diag)
{
	struct options *o = target;

	return kt_levels_parse(&o->request.vcpus, value, diag);
}

static int take_module(void *target, const char *value, struct kt_diag *diag)
{
	struct options *o = target;

	if (!realpath(value, o->module))
		return -errno;
	o->spec.module = o->module;
	return 0;
}

static const char *const guests[] = { [KT_GATE_LINUX] = "linux", [KT_GATE_MICRO] = "micro", NULL };
static const char *const loads[] = { "idle", "busy", "both", NULL };
static const char *const modes[] = { "fresh", "reuse", "both", NULL };

/* clang-format off */
static const struct cli_option options[] = {
	CLI_ACCEL,
	{ "artifact", 0, "FILE", CLI_TEXT(struct options, artifact),
	  .help = "write all samples and failures into FILE, as JSON, which 'ktest bench show' "
		  "prints" },
	{ "cycles", 0, "N", CLI_NUMBER(struct options, request.cycles, 1, KT_REPEATS_MAX),
	  .value = "50",
	  .help = "cycles per cell" },
	{ "first", 0, "N", CLI_NUMBER(struct options, request.first, 0, KT_REPEATS_MAX),
	  .value = "0",
	  .help = "number of the first cycle; the same seed and number repeat a cycle" },
	{ "guest", 0, "NAME", CLI_CHOICE(struct options, spec.guest, guests), .value = "linux",
	  .help = "guest of the machines: linux; or micro, a guest of a few instructions for a KVM "
		  "that cannot run Linux; micro needs kvm and takes neither module nor scheduler" },
	{ "keep", 0, "DIR", CLI_TEXT(struct options, request.keep_dir),
	  .help = "keep the first failing cycle in a new folder in DIR: console, registers, "
		  "image, the cause and rerun.sh (default: $XDG_STATE_HOME/ktest/runs)" },
	CLI_KERNEL,
	{ "load", 0, "WHAT", CLI_CHOICE(struct options, load, loads), .value = "idle",
	  .help = "load of the machine when it is saved: idle, busy or both" },
	{ "mode", 0, "WHAT", CLI_CHOICE(struct options, mode, modes), .value = "both",
	  .help = "fresh: each cycle restores a new machine; reuse: each cycle rewinds the machine "
		  "of the cycle before; both" },
	{ "module", 0, "PATH", CLI_CALL(take_module),
	  .help = "kernel module to load before the machine is saved" },
	{ "scheduler", 0, "NAME", CLI_TEXT(struct cli_machine, wishes.scheduler), .value = "none",
	  .help = "scheduler to attach before the machine is saved" },
	CLI_SEED,
	CLI_TIME,
	{ "vcpus", 0, "LIST", CLI_CALL(take_vcpus), .value = "4",
	  .help = "numbers of vCPUs, as 1,2,4,8" },
	{ 0 },
};
/* clang-format on */

/* Checks the combination of options, and the number of samples. */
static int check_options(const struct options *o)
{
	if (o->request.first + o->request.cycles > KT_REPEATS_MAX)
		return cli_usage_error(o->verb, "--first and --cycles end beyond %u",
				       KT_REPEATS_MAX);
	if (kt_gate_samples(&o->request) > KT_SAMPLES_MAX)
		return cli_usage_error(o->verb,
				       "these are too many cycles to keep their samples; run it "
				       "in parts");
	if (o->spec.guest == KT_GATE_MICRO && (o->spec.module || o->request.scheduler))
		return cli_usage_error(o->verb, "--module and --scheduler go with --guest linux");
	return 0;
}

static void make_request(struct options *o)
{
	struct kt_gate_request *req = &o->request;

	req->loads[0] = o->load != 1;
	req->loads[1] = o->load != 0;
	req->modes[0] = o->mode != 1;
	req->modes[1] = o->mode != 0;
	req->scheduler =
		strcmp(o->machine.wishes.scheduler, "none") ? o->machine.wishes.scheduler : NULL;
	if (!o->machine.wishes.has_seed)
		o->machine.wishes.seed = cli_random_seed();
	req->seed = o->spec.seed = o->machine.wishes.seed;
}

/* Returns as cli_parse(). */
static int parse_options(struct options *o, int *argc, char ***argv)
{
	int r = cli_parse(o->verb, o, argc, argv);

	if (r)
		return r;
	make_request(o);
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

static void print_end(const struct kt_gate_result *res)
{
	static const char *const words[] = { [KT_EXIT_PASS] = "PASS",
					     [KT_EXIT_FAIL] = "FAIL",
					     [KT_EXIT_INCONCLUSIVE] = "INCONCLUSIVE" };

	cli_print_diag(&res->fault);
	cli_print_diag(&res->unkept);
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
	KT_TRY(kt_buf_printf(out, "%s", option));
	return kt_forward(kt_buf_append_word(out, word));
}

/* The command that repeats the gate; the gate adds options for the cycle. */
static int make_rerun(struct options *o)
{
	char exe[KT_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	KT_TRY(add_word(&o->rerun, "", exe));
	KT_TRY(kt_buf_printf(&o->rerun, " gate restore --guest %s --accel %s --time %s",
			     o->spec.guest == KT_GATE_MICRO ? "micro" : "linux",
			     kt_accel_name(o->machine.wishes.accel),
			     kt_time_name(o->machine.wishes.time)));
	if (o->spec.kernel)
		KT_TRY(add_word(&o->rerun, " --kernel ", o->spec.kernel->path));
	if (o->spec.module)
		KT_TRY(add_word(&o->rerun, " --module ", o->spec.module));
	if (o->request.scheduler)
		KT_TRY(add_word(&o->rerun, " --scheduler ", o->request.scheduler));
	o->request.rerun = kt_buf_str(&o->rerun);
	return 0;
}

/* The micro guest needs kvm, and runs even where KVM cannot run Linux. */
static int choose_accel(struct options *o, struct kt_diag *diag)
{
	if (o->spec.guest != KT_GATE_MICRO)
		return cli_machine_choose(o->verb, &o->machine, true, diag);
	if (o->machine.wishes.accel == KT_ACCEL_AUTO)
		o->machine.wishes.accel = KT_ACCEL_KVM;
	return 0;
}

/* Opens the machines and fills in the report's header. */
static int prepare(struct options *o, struct kt_gate_machines *machines, struct kt_kernel *kernel,
		   struct kt_measured *measured, struct kt_diag *diag)
{
	KT_TRY(choose_accel(o, diag));
	o->spec.accel = o->machine.wishes.accel;
	o->spec.time = o->machine.wishes.time;
	if (o->spec.guest == KT_GATE_LINUX) {
		KT_TRY(cli_find_kernel(kernel, o->machine.kernel_path, diag));
		KT_TRY(kt_kernel_require(kernel, diag));
		o->spec.kernel = kernel;
	}
	KT_TRY(make_rerun(o));
	cli_note_machine(measured, o->machine.wishes.accel, "1n1lNc1t", o->spec.kernel);
	return kt_gate_machines_open(machines, &o->spec, diag);
}

static int run_gate(struct options *o)
{
	_cleanup_(kt_measured_deinit) struct kt_measured measured;
	_cleanup_(kt_freep) struct kt_gate_result *res = calloc(1, sizeof(*res));
	struct kt_gate_machines machines;
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kernel kernel;
	int r, status;

	kt_measured_init(&measured, KT_MEASURED_GATE);
	r = res ? prepare(o, &machines, &kernel, &measured, &diag) : -ENOMEM;
	if (r)
		return cli_fail(&diag, r);
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

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	struct options o = {
		.request = { .on_progress = on_progress,
			     .on_failure = on_failure,
			     .is_cancelled = is_cancelled },
		.verb = verb,
	};
	int r = parse_options(&o, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	o.request.arg = &o;
	o.progress = isatty(STDERR_FILENO);
	o.cancel_fd = o.spec.cancel_fd = cli_open_signal_fd(verb, SIGINT, SIGTERM, 0);
	if (o.cancel_fd < 0)
		return KT_EXIT_COULD_NOT_RUN;
	r = run_gate(&o);
	kt_buf_deinit(&o.rerun);
	close(o.cancel_fd);
	return r;
}

/* clang-format off */
static const struct cli_verb restore = {
	"gate restore", "[OPTION]...",
	"restore machines over and over, and try out each of them on every vCPU",
	.notes = "Ctrl-C ends the gate and prints the results so far, which are not a pass.\n"
		 "Exit status: 0 every cycle passed, 1 at least one failed, 2 a machine could not "
		 "be baked, or it was cut short, 3 could not run.",
	.options = options, .run = run,
};

const struct cli_verb cli_gate = {
	"gate", "", "restore machines over and over, and try out each",
	.noun = "gate", .verbs = CLI_VERBS(&restore),
};
