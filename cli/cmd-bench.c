/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest bench`: measures, and shows what was measured. One table says which
 * benchmarks there are and which options each of them takes.
 */
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
#include "measure/bench/clones.h"
#include "measure/bench/start.h"
#include "measure/bench/bench.h"
#include "machine/config.h"
#include "machine/stage/initramfs.h"
#include "machine/stage/stage.h"

static const char help[] =
	"usage: ktest bench density --axis slots|vms|vcpus [OPTION]...\n"
	"       ktest bench restore|exec|boot [OPTION]...\n"
	"       ktest bench show FILE\n\n"
	"Measures machines, and shows what was measured.\n\n"
	"  density    commands that write bytes, at once: in so many slots of one\n"
	"             machine, in so many machines, or on so many vCPUs of one machine;\n"
	"             for machines, memory per extra one, too\n"
	"  restore    so many clones of a baked machine, to a first command answered\n"
	"  exec       a command that does nothing, in so many slots at once\n"
	"  boot       so many cold boots, to a first command answered\n"
	"  show       prints what was found before\n\n"
	"      --accel NAME       auto (default), kvm or tcg; auto is kvm where the\n"
	"                         host's KVM can run Linux\n"
	"      --artifact FILE    write all samples into FILE, as JSON\n"
	"      --axis NAME        what the levels of density count: slots, vms or vcpus\n"
	"      --kernel PATH      guest kernel (default: as 'ktest run')\n"
	"      --levels LIST      how many at once, as 1,2,4,8; 1 must be among them\n"
	"                         (default: 1,2,4,8 for density, else 1)\n"
	"      --repeats N        samples of each level, after one round to warm up\n"
	"                         (default: 10)\n"
	"      --seed N           seed of everything random (default: random, printed)\n"
	"      --topology T       of each machine (default: 1n1l2c1t)\n"
	"  -h, --help             show this help\n\n"
	"A sample is the time of the slowest of a round. The break point is the largest\n"
	"level whose p95 is at most twice that of level 1.\n"
	"Exit status: 0 measured, 1 an output was wrong, 2 a machine or the host failed,\n"
	"or it was cancelled, 3 could not run.\n";

struct options {
	struct kt_bench_request request;
	const struct bench *bench;
	const char *artifact, *kernel_path;
	struct kt_cell_wishes wishes;
	bool have_axis, have_levels;
	int cancel_fd;
	bool progress; /* stderr is a terminal */
};

static int run_starts(struct options *o, struct kt_measured *measured, struct kt_diag *diag);
static int run_commands(struct options *o, struct kt_measured *measured, struct kt_diag *diag);

#define DENSITY_BYTES (64u << 10) /* that each command of density writes */

static const struct bench {
	const char *name;
	enum kt_measured_kind kind;
	enum kt_bench_axis axis; /* unless --axis says otherwise */
	unsigned int output_bytes;
	/* Measures; result of kt_bench_run(), or KT_CLI_BENCH_E_SETUP. */
	int (*run)(struct options *o, struct kt_measured *measured, struct kt_diag *diag);
} benches[] = {
	{ "density", KT_MEASURED_DENSITY, KT_BENCH_AXIS_COUNT_, DENSITY_BYTES, run_commands },
	{ "restore", KT_MEASURED_RESTORE, KT_BENCH_MACHINES, 0, run_starts },
	{ "exec", KT_MEASURED_EXEC, KT_BENCH_SLOTS, 0, run_commands },
	{ "boot", KT_MEASURED_BOOT, KT_BENCH_MACHINES, 0, run_starts },
};

enum bench_condition {
	KT_CLI_BENCH_E_SETUP = KT_CONDITION(CLI_BENCH), /* nothing was started */
};

/* ---- options ---- */

static int parse_levels(struct options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;

	o->have_levels = true;
	if (kt_levels_parse(&o->request.levels, value, &diag))
		return cli_usage_error("bench", "--levels: %s", diag.cause);
	if (!kt_levels_have(&o->request.levels, 1))
		return cli_usage_error("bench",
				       "--levels: 1 is not in '%s', and the others are compared "
				       "with it",
				       value);
	return 0;
}

static int parse_topology(struct options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_topology topo;

	o->wishes.topology = value;
	if (kt_topology_parse(&topo, value, &diag))
		return cli_usage_error("bench", "--topology '%s': %s", value, diag.cause);
	return 0;
}

static int parse_value(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'A':
		return kt_accel_parse(&o->wishes.accel, value) ?
			       cli_usage_error("bench", "no accelerator '%s'", value) :
			       0;
	case 'f':
		o->artifact = value;
		return 0;
	case 'x':
		o->have_axis = true;
		return kt_bench_axis_parse(&o->request.axis, value) ?
			       cli_usage_error("bench", "--axis: '%s' is not slots, vms or vcpus",
					       value) :
			       0;
	case 'K':
		o->kernel_path = value;
		return 0;
	case 'l':
		return parse_levels(o, value);
	case 'r':
		o->request.repeats = (unsigned int)cli_parse_count(value, KT_REPEATS_MAX);
		return o->request.repeats ?
			       0 :
			       cli_usage_error("bench",
					       "--repeats: '%s' is not a number from 1 to %u",
					       value, KT_REPEATS_MAX);
	case 'S':
		o->wishes.has_seed = true;
		return cli_parse_seed(value, &o->wishes.seed) ?
			       0 :
			       cli_usage_error("bench", "'%s' is not a seed", value);
	default:
		return parse_topology(o, value);
	}
}

static int show_file(int argc, char **argv)
{
	_cleanup_(kt_measured_deinit) struct kt_measured m = { .repeats = 0 };
	struct kt_diag diag = KT_DIAG_INIT;

	if (argc != 2)
		return cli_usage_error("bench", "'show' takes one FILE");
	if (kt_measured_read(&m, argv[1], &diag)) {
		cli_print_diag(&diag);
		return KT_EXIT_COULD_NOT_RUN;
	}
	return cli_show(&m);
}

/* The axis that is asked for or follows, and that there are so many of it. */
static int check_axis(struct options *o)
{
	bool density = o->bench->kind == KT_MEASURED_DENSITY;

	if (density != o->have_axis)
		return cli_usage_error("bench", density ? "density needs --axis" :
							  "--axis goes with density");
	if (!density)
		o->request.axis = o->bench->axis;
	if (density && !o->have_levels)
		o->request.levels = (struct kt_levels){ { 1, 2, 4, 8 }, 4 };
	for (unsigned int i = 0; i < o->request.levels.count; i++)
		if (o->request.axis != KT_BENCH_MACHINES &&
		    o->request.levels.list[i] > KT_SLOTS_MAX)
			return cli_usage_error("bench",
					       "--levels: a machine has %u slots at most, not %u",
					       KT_SLOTS_MAX, o->request.levels.list[i]);
	return 0;
}

static int find_bench(struct options *o, int argc, char **argv)
{
	if (!argc)
		return cli_usage_error("bench", "name what is to be measured");
	for (size_t i = 0; i < KT_ARRAY_SIZE(benches); i++)
		if (!strcmp(benches[i].name, argv[0]))
			o->bench = &benches[i];
	if (!o->bench)
		return cli_usage_error("bench", "no benchmark '%s'", argv[0]);
	if (argc > 1)
		return cli_usage_error("bench", "'%s' takes no argument '%s'", argv[0], argv[1]);
	return check_axis(o);
}

/* 0, an exit status, or -1 when all is done. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'A' },
		{ "artifact", required_argument, NULL, 'f' },
		{ "axis", required_argument, NULL, 'x' },
		{ "kernel", required_argument, NULL, 'K' },
		{ "levels", required_argument, NULL, 'l' },
		{ "repeats", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'S' },
		{ "topology", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool any = false;
	int c, r;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (c == ':' || c == '?')
			return cli_bad_option("bench", argv, c);
		any = true;
		r = parse_value(o, c, optarg);
		if (r)
			return r;
	}
	if (optind < argc && !strcmp(argv[optind], "show")) {
		if (any)
			return cli_usage_error("bench", "'show' takes no options");
		return show_file(argc - optind, argv + optind) ?: -1;
	}
	return find_bench(o, argc - optind, argv + optind);
}

/* ---- measuring ---- */

static void on_progress(void *arg, unsigned int level, unsigned int repeat)
{
	const struct options *o = arg;

	if (o->progress)
		fprintf(stderr, "\r\033[K%s: level %u, %u of %u", o->bench->name, level, repeat + 1,
			o->request.repeats);
}

static int prepare(struct kt_bench_clones *clones, struct options *o, struct kt_kernel *kernel,
		   struct kt_diag *diag)
{
	struct kt_cell_wishes *w = &o->wishes;
	int r = kt_kernel_find(kernel, o->kernel_path, diag) ?:
			cli_choose_accel("bench", &w->accel, w->accel, diag);

	w->kernel = kernel->path;
	w->build_id = kernel->build_id;
	clones->cancel_fd = o->cancel_fd;
	return r ?: kt_cell_init(&clones->cell, NULL, w, diag);
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

/* What is started: a clone of the bake, or from nothing. */
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
	r = kt_stage_build(ret_initrd_fd, &stage, diag);
	return r ?: kt_machine_config(&spec->config, &clones->cell.machine, *ret_initrd_fd, diag);
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

	r = r ?: make_spec(&starter->spec, &baked, o, clones, &initrd_fd, diag);
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
	if (r) {
		if (!diag.cause[0])
			kt_diag_cause(&diag, "%s", strerror(r < 0 ? -r : EIO));
		cli_print_diag(&diag);
	}
	/* What was measured before is worth to be seen. */
	if (r != KT_CLI_BENCH_E_SETUP && cli_report(&measured, o->artifact) && !status)
		status = KT_EXIT_COULD_NOT_RUN;
	return status;
}

int cmd_bench(int argc, char **argv)
{
	struct options o = {
		.request = { .levels = { { 1 }, 1 }, .repeats = 10, .on_progress = on_progress },
	};
	int r = parse_options(&o, argc, argv);

	if (r)
		return r < 0 ? 0 : r;
	o.request.kind = o.bench->kind;
	o.request.output_bytes = o.bench->output_bytes;
	o.request.arg = &o;
	o.progress = isatty(STDERR_FILENO);
	o.cancel_fd = cli_open_cancel_fd();
	if (o.cancel_fd < 0) {
		fprintf(stderr, "ktest bench: cannot watch for signals: %s\n", strerror(errno));
		return KT_EXIT_COULD_NOT_RUN;
	}
	r = measure(&o);
	close(o.cancel_fd);
	return r;
}
