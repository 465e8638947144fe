/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest bench`: runs benchmarks and shows reports. All benchmarks share one table of options;
 * a struct per benchmark has defaults and the function that measures. Measuring is left to
 * measure/bench/, tables and plots to measure/show.h.
 */
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
#include "measure/bench/clones.h"
#include "measure/bench/start.h"
#include "measure/bench/bench.h"
#include "machine/config.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/stage.h"

struct options {
	struct cli_machine machine;
	struct kt_bench_request request;
	const struct cli_verb *verb;
	const struct bench *bench;
	const char *artifact;
	int cancel_fd;
	bool progress; /* stderr is a terminal */
};

#define DENSITY_BYTES (64u << 10) /* output per command of `density` */

struct bench {
	enum kt_measured_kind kind;
	enum kt_bench_axis axis; /* KT_BENCH_AXIS_COUNT_: given by --axis */
	unsigned int output_bytes;
	/* Measures. Returns as kt_bench_run(), or KT_CLI_BENCH_E_SETUP with diag. */
	int (*run)(struct options *o, struct kt_measured *measured, struct kt_diag *diag);
};

enum bench_condition {
	KT_CLI_BENCH_E_SETUP = KT_CONDITION(CLI_BENCH), /* nothing was started */
};

/* ---- options ---- */

static int take_levels(void *target, const char *value, struct kt_diag *diag)
{
	struct options *o = target;

	if (kt_levels_parse(&o->request.levels, value, diag))
		return 1;
	if (kt_levels_have(&o->request.levels, 1))
		return 0;
	return kt_fail(diag, 1, "1 is not in '%s', and the others are compared with it", value);
}

static int take_axis(void *target, const char *value, struct kt_diag *diag)
{
	struct options *o = target;

	kt_diag_cause(diag, "it is not slots, vms or vcpus");
	return kt_bench_axis_parse(&o->request.axis, value);
}

/* clang-format off */
static const struct cli_option options[] = {
	CLI_ACCEL,
	{ "artifact", 0, "FILE", CLI_TEXT(struct options, artifact),
	  .help = "write all samples into FILE, as JSON" },
	{ "axis", 0, "NAME", CLI_CALL(take_axis),
	  .help = "unit of the levels of density: slots, vms or vcpus" },
	CLI_KERNEL,
	{ "levels", 0, "LIST", CLI_CALL(take_levels),
	  .help = "levels, as 1,2,4,8: different numbers from 1 to 256 (16 for slots and vCPUs), 1 "
		  "included (default: 1,2,4,8 for density, else 1)" },
	{ "repeats", 0, "N", CLI_NUMBER(struct options, request.repeats, 1, KT_REPEATS_MAX),
	  .value = "10",
	  .help = "samples per level, after one warm-up round that is not counted" },
	CLI_SEED,
	CLI_TIME,
	CLI_TOPOLOGY,
	{ 0 },
};
/* clang-format on */

/* Determines the axis and checks the levels against its maximum. */
static int check_axis(struct options *o)
{
	bool density = o->bench->axis == KT_BENCH_AXIS_COUNT_;
	bool given = o->request.axis != KT_BENCH_AXIS_COUNT_;

	if (density != given)
		return cli_usage_error(o->verb, density ? "density needs --axis" :
							  "--axis goes with density");
	if (!density)
		o->request.axis = o->bench->axis;
	if (!o->request.levels.count)
		o->request.levels = density ? (struct kt_levels){ { 1, 2, 4, 8 }, 4 } :
					      (struct kt_levels){ { 1 }, 1 };
	for (unsigned int i = 0; i < o->request.levels.count; i++)
		if (o->request.axis != KT_BENCH_MACHINES &&
		    o->request.levels.list[i] > KT_SLOTS_MAX)
			return cli_usage_error(o->verb,
					       "--levels: a machine has %u slots at most, not %u",
					       KT_SLOTS_MAX, o->request.levels.list[i]);
	return 0;
}

/* ---- measuring ---- */

static void on_progress(void *arg, unsigned int level, unsigned int repeat)
{
	const struct options *o = arg;

	if (o->progress)
		fprintf(stderr, "\r\033[K%s: level %u, %u of %u", o->verb->name, level, repeat + 1,
			o->request.repeats);
}

static int prepare(struct kt_bench_clones *clones, struct options *o, struct kt_kernel *kernel,
		   struct kt_diag *diag)
{
	struct kt_cell_wishes *w = &o->machine.wishes;

	KT_TRY(cli_find_kernel(kernel, o->machine.kernel_path, diag));
	KT_TRY(kt_kernel_require(kernel, diag));
	KT_TRY(cli_machine_choose(o->verb, &o->machine, true, diag));
	w->kernel = kernel->path;
	w->build_id = kernel->build_id;
	clones->cancel_fd = o->cancel_fd;
	return kt_cell_init(&clones->cell, NULL, w, diag);
}

static int run_bench(struct options *o, struct kt_measured *measured,
		     struct kt_bench_machines *machines, const struct kt_kernel *kernel,
		     const struct kt_cell_machine *machine, const char *release,
		     struct kt_diag *diag)
{
	int r;

	cli_note_machine(measured, machine->accel, machine->topology, kernel);
	machines->surface = kt_accel_name(machine->accel);
	o->request.seed = machine->seed;
	r = kt_bench_run(measured, &o->request, machines, diag);
	if (release[0])
		kt_measured_text(measured->kernel.release, sizeof(measured->kernel.release),
				 release);
	return r;
}

static int run_commands(struct options *o, struct kt_measured *measured, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kt_bench_clones *clones = calloc(1, sizeof(*clones));
	struct kt_bench_machines machines = { .arg = clones,
					      .open = kt_bench_clones_open,
					      .run = kt_bench_clones_run,
					      .memory = kt_bench_clones_memory,
					      .close = kt_bench_clones_close };
	struct kt_kernel kernel;
	int r = clones ? prepare(clones, o, &kernel, diag) : -ENOMEM;

	if (!r) {
		r = kt_bench_clones_init(clones, diag);
		r = r ? KT_CLI_BENCH_E_SETUP :
			run_bench(o, measured, &machines, &kernel, &clones->cell.machine,
				  clones->release, diag);
		kt_bench_clones_deinit(clones);
		return r;
	}
	return KT_CLI_BENCH_E_SETUP;
}

/* The machine to start: a clone of the bake, or a cold boot. */
static int make_spec(struct kt_session_spec *spec, struct kt_baked *baked, struct options *o,
		     const struct kt_bench_clones *clones, int *ret_initrd_fd, struct kt_diag *diag)
{
	const struct kt_stage_request stage = { .cell = &clones->cell, .parts = KT_INITRAMFS_BASE };
	int r;

	if (o->request.kind == KT_MEASURED_RESTORE) {
		r = kt_bench_clones_bake(baked, &spec->config, &clones->cell, o->cancel_fd, diag);
		spec->bake = baked->bake;
		return r;
	}
	KT_TRY(kt_stage_build(ret_initrd_fd, &stage, diag));
	return kt_machine_config(&spec->config, &clones->cell.machine, *ret_initrd_fd, diag);
}

static int run_starts(struct options *o, struct kt_measured *measured, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kt_bench_clones *clones = calloc(1, sizeof(*clones));
	_cleanup_(kt_freep) struct kt_bench_starter *starter = calloc(1, sizeof(*starter));
	_cleanup_(kt_baked_deinit) struct kt_baked baked = { .bake = NULL };
	_cleanup_(kt_closep) int initrd_fd = -1;
	struct kt_bench_machines machines = { .arg = starter, .start = kt_bench_start_all };
	struct kt_kernel kernel;
	int r = clones && starter ? prepare(clones, o, &kernel, diag) : -ENOMEM;

	if (!r)
		r = make_spec(&starter->spec, &baked, o, clones, &initrd_fd, diag);
	if (r)
		return r == KT_BENCH_E_CANCELLED ? r : KT_CLI_BENCH_E_SETUP;
	starter->cancel_fd = o->cancel_fd;
	return run_bench(o, measured, &machines, &kernel, &clones->cell.machine, starter->release,
			 diag);
}

static int exit_status(int r)
{
	switch (r) {
	case 0:
		return KT_EXIT_PASS;
	case KT_BENCH_E_WRONG:
		return KT_EXIT_FAIL;
	case KT_CLI_BENCH_E_SETUP:
		return KT_EXIT_COULD_NOT_RUN;
	default:
		return KT_EXIT_INCONCLUSIVE;
	}
}

static int measure(struct options *o)
{
	_cleanup_(kt_measured_deinit) struct kt_measured measured;
	struct kt_diag diag = KT_DIAG_INIT;
	int r, status;

	kt_measured_init(&measured, o->bench->kind);
	r = o->bench->run(o, &measured, &diag);
	status = exit_status(r);
	if (o->progress)
		fputs("\r\033[K", stderr);
	if (r)
		cli_fail(&diag, r);
	/* Samples from before the failure are reported, too. */
	if (r != KT_CLI_BENCH_E_SETUP && cli_report(&measured, o->artifact) && !status)
		status = KT_EXIT_COULD_NOT_RUN;
	return status;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	struct options o = { .request = { .axis = KT_BENCH_AXIS_COUNT_,
					  .on_progress = on_progress },
			     .verb = verb,
			     .bench = verb->data };
	int r = cli_parse(verb, &o, &argc, &argv);

	if (!r)
		r = check_axis(&o);
	if (r)
		return r < 0 ? 0 : r;
	o.request.kind = o.bench->kind;
	o.request.output_bytes = o.bench->output_bytes;
	o.request.arg = &o;
	o.progress = isatty(STDERR_FILENO);
	o.cancel_fd = cli_open_signal_fd(verb, SIGINT, SIGTERM, 0);
	if (o.cancel_fd < 0)
		return KT_EXIT_COULD_NOT_RUN;
	r = measure(&o);
	close(o.cancel_fd);
	return r;
}

static int show(const struct cli_verb *verb, int argc, char **argv)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m = { .repeats = 0 };
	struct kt_diag diag = KT_DIAG_INIT;
	int r = kt_measured_read(&m, argv[0], &diag);

	return r ? cli_fail(&diag, r) : cli_show(&m);
}

/* ---- the verbs ---- */

/* clang-format off */
#define NOTES                                                                            \
	"A sample is the time of the slowest of a round. The break point is the largest " \
	"level whose p95 is at most twice that of level 1.\n"                             \
	"Exit status: 0 measured, 1 an output was wrong, 2 a machine or the host failed, " \
	"or it was cancelled, 3 could not run."
#define BENCH(...)                                              \
	.notes = NOTES, .options = options, .run = run,         \
	.data = &(const struct bench){ __VA_ARGS__ }

static const struct cli_verb density = {
	"bench density", "[OPTION]...",
	"measure N commands at once, each of which writes bytes: in N slots of one machine, in N "
	"machines, or on N vCPUs of one machine; of machines also the memory of one more",
	BENCH(KT_MEASURED_DENSITY, KT_BENCH_AXIS_COUNT_, DENSITY_BYTES, run_commands),
};

static const struct cli_verb restore = {
	"bench restore", "[OPTION]...",
	"measure N clones of a baked machine, until each has answered a command",
	BENCH(KT_MEASURED_RESTORE, KT_BENCH_MACHINES, 0, run_starts),
};

static const struct cli_verb exec = {
	"bench exec", "[OPTION]...", "measure N commands at once that do nothing, in N slots",
	BENCH(KT_MEASURED_EXEC, KT_BENCH_SLOTS, 0, run_commands),
};

static const struct cli_verb boot = {
	"bench boot", "[OPTION]...", "measure N cold boots at once, until each has answered a command",
	BENCH(KT_MEASURED_BOOT, KT_BENCH_MACHINES, 0, run_starts),
};

static const struct cli_verb show_verb = {
	"bench show", "FILE", "print what was found before",
	.args_min = 1, .args_max = 1, .missing = "it takes one FILE", .run = show,
};

const struct cli_verb cli_bench = {
	"bench", "", "measure machines, and show what was measured",
	.notes = NOTES,
	.noun = "benchmark", .verbs = CLI_VERBS(&density, &restore, &exec, &boot, &show_verb),
};
