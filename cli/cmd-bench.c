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
#include "runner/bench-boot.h"
#include "runner/bench.h"
#include "runner/stage.h"

static const char help[] =
	"usage: ktest bench boot [OPTION]...\n"
	"       ktest bench show FILE\n\n"
	"Measures how long it takes until machines that are started together are ready,\n"
	"by a cold boot. 'show' prints what an earlier one found.\n\n"
	"      --accel NAME       auto (default), kvm or tcg; auto is kvm where the\n"
	"                         host's KVM can run Linux\n"
	"      --artifact FILE    write all samples into FILE, as JSON\n"
	"      --kernel PATH      guest kernel (default: as 'ktest run')\n"
	"      --levels LIST      how many at once, as 1,2,4,8; 1 must be among them\n"
	"                         (default: 1)\n"
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
	const char *artifact, *kernel_path, *topology;
	enum kt_accel accel;
	bool have_seed;
	int cancel_fd;
	bool progress; /* stderr is a terminal */
};

static int run_boot(struct options *o, struct kt_measured *measured, struct kt_diag *diag);

static const struct bench {
	const char *name;
	enum kt_measured_kind kind;
	enum kt_bench_axis axis; /* unless --axis says otherwise */
	/* Measures; result of kt_bench_run(), or KT_BENCH_E_SETUP. */
	int (*run)(struct options *o, struct kt_measured *measured, struct kt_diag *diag);
} benches[] = {
	{ "boot", KT_MEASURED_BOOT, KT_BENCH_MACHINES, run_boot },
};

#define KT_BENCH_E_SETUP 100 /* nothing was started */

/* ---- options ---- */

static int parse_levels(struct options *o, const char *value)
{
	struct kt_diag diag = KT_DIAG_INIT;

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

	o->topology = value;
	if (kt_topology_parse(&topo, value, &diag))
		return cli_usage_error("bench", "--topology '%s': %s", value, diag.cause);
	return 0;
}

static int parse_value(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'A':
		return kt_accel_parse(&o->accel, value) ?
			       cli_usage_error("bench", "no accelerator '%s'", value) :
			       0;
	case 'f':
		o->artifact = value;
		return 0;
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
		o->have_seed = true;
		return cli_parse_seed(value, &o->request.seed) ?
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
	return 0;
}

/* 0, an exit status, or -1 when all is done. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'A' },
		{ "artifact", required_argument, NULL, 'f' },
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

/* An initramfs with init alone. */
static int stage_init(int *ret_fd, const struct kt_kernel *kernel, struct kt_diag *diag)
{
	static const struct kt_scenario bare = { .name = "bench" };
	static const struct kt_stage_files none;
	const struct kt_stage_request stage = { .scenario = &bare,
						.kernel = kernel,
						.files = &none };

	return kt_stage_build(ret_fd, &stage, diag);
}

static int prepare_boot(struct kt_bench_boot *boot, struct options *o,
			const struct kt_kernel *kernel, int initrd_fd, struct kt_diag *diag)
{
	struct kt_vm_spec spec = { .accel = o->accel,
				   .memory_bytes = KT_DEFAULT_MEMORY,
				   .kernel_path = kernel->path,
				   .initrd_fd = initrd_fd,
				   .seed = o->request.seed };

	boot->cancel_fd = o->cancel_fd;
	return kt_topology_parse(&spec.topo, o->topology, diag) ?:
		       kt_vm_config_init(&boot->config, &spec, diag);
}

static int run_boot(struct options *o, struct kt_measured *measured, struct kt_diag *diag)
{
	_cleanup_(kt_freep) struct kt_bench_boot *boot = calloc(1, sizeof(*boot));
	_cleanup_(kt_closep) int initrd_fd = -1;
	struct kt_bench_machines machines = { .arg = boot, .start = kt_bench_boot_start };
	struct kt_kernel kernel;
	int r = boot ? kt_kernel_find(&kernel, o->kernel_path, diag) : -ENOMEM;

	if (!r)
		r = cli_choose_accel("bench", &o->accel, o->accel, diag);
	if (!r)
		r = stage_init(&initrd_fd, &kernel, diag);
	if (!r)
		r = prepare_boot(boot, o, &kernel, initrd_fd, diag);
	if (r)
		return KT_BENCH_E_SETUP;
	cli_note_machine(measured, o->accel, o->topology, &kernel);
	machines.surface = kt_accel_name(o->accel);
	r = kt_bench_run(measured, &o->request, &machines, diag);
	if (boot->release[0])
		kt_measured_text(measured->kernel.release, sizeof(measured->kernel.release),
				 boot->release);
	return r;
}

static int exit_status(int r)
{
	switch (r) {
	case 0:
		return KT_EXIT_PASS;
	case KT_BENCH_E_WRONG:
		return KT_EXIT_FAIL;
	case KT_BENCH_E_SETUP:
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
	if (r != KT_BENCH_E_SETUP && cli_report(&measured, o->artifact) && !status)
		status = KT_EXIT_COULD_NOT_RUN;
	return status;
}

int cmd_bench(int argc, char **argv)
{
	struct options o = {
		.request = { .levels = { { 1 }, 1 }, .repeats = 10, .on_progress = on_progress },
		.topology = KT_DEFAULT_TOPO,
		.accel = KT_ACCEL_AUTO,
	};
	int r = parse_options(&o, argc, argv);

	if (r)
		return r < 0 ? 0 : r;
	o.request.kind = o.bench->kind;
	o.request.axis = o.bench->axis;
	o.request.arg = &o;
	o.progress = isatty(STDERR_FILENO);
	if (!o.have_seed)
		o.request.seed = cli_random_seed();
	o.cancel_fd = cli_open_cancel_fd();
	if (o.cancel_fd < 0) {
		fprintf(stderr, "ktest bench: cannot watch for signals: %s\n", strerror(errno));
		return KT_EXIT_COULD_NOT_RUN;
	}
	r = measure(&o);
	close(o.cancel_fd);
	return r;
}
