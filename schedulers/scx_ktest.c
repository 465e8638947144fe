/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_ktest; what the scheduler does is told in scx_ktest.bpf.c. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "schedulers/loader.h"

#include "scx_ktest.skel.h"

static const char help_text[] =
	"Usage: scx_ktest [OPTION]...\n"
	"\n"
	"A sched_ext scheduler with one FIFO queue for all CPUs. Runs until SIGTERM or\n"
	"SIGINT (exit status 0) or until the kernel ends it (exit status 1).\n"
	"\n"
	"  -b, --bypass  attach, but let every task pass by the scheduler's own queue:\n"
	"                nr_dispatched stays 0\n"
	"  -q, --quiet   say nothing of attaching and of an end that was asked for\n"
	"  -h, --help    print this text\n";

static const struct option options[] = {
	{ "bypass", no_argument, NULL, 'b' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int run(bool bypass, bool quiet)
{
	struct kts_loader loader = { .name = "scx_ktest", .quiet = quiet };
	struct scx_ktest_bpf *skel;
	int r = 1;

	skel = scx_ktest_bpf__open();
	if (!skel) {
		fprintf(stderr, "scx_ktest: cannot open its BPF object: %s\n", strerror(errno));
		return 1;
	}
	skel->rodata->bypass = bypass;
	if (scx_ktest_bpf__load(skel)) {
		fprintf(stderr, "scx_ktest: cannot load its BPF programs: %s\n", strerror(errno));
	} else {
		loader.ops = skel->maps.ktest_ops;
		loader.exit_event_fd = bpf_map__fd(skel->maps.exit_event);
		loader.exit_info = (const volatile void *)&skel->bss->exit_info;
		r = kts_loader_run(&loader);
	}
	scx_ktest_bpf__destroy(skel);
	return r;
}

int main(int argc, char **argv)
{
	bool bypass = false, quiet = false;
	int c;

	while ((c = getopt_long(argc, argv, "bqh", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			bypass = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "scx_ktest: it takes no argument '%s'\n", argv[optind]);
		return 2;
	}
	kts_loader_prepare();
	return run(bypass, quiet);
}
