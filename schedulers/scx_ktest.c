/* SPDX-License-Identifier: GPL-2.0-only */
/* Loader of scx_ktest; what the scheduler does is told in scx_ktest.bpf.c. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
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
	"  -n, --no-hotplug\n"
	"                have nothing for CPUs that come and go: the kernel then ends it\n"
	"  -q, --quiet   say nothing of attaching and of an end that was asked for\n"
	"  -s, --stall-after N\n"
	"                let no task run any more N seconds after the attach\n"
	"  -w, --watchdog-ms N\n"
	"                how long a task may wait before the kernel ends the scheduler,\n"
	"                1 to 30000; the default, and the kernel's most, is 30000\n"
	"  -h, --help    print this text\n";

#define STALL_AFTER_MAX 3600

struct settings {
	bool bypass;
	bool quiet;
	bool no_hotplug;
	unsigned int stall_after; /* s; 0: never */
	unsigned int watchdog_ms; /* 0: the kernel's default */
};

static const struct option options[] = {
	{ "bypass", no_argument, NULL, 'b' },
	{ "no-hotplug", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "stall-after", required_argument, NULL, 's' },
	{ "watchdog-ms", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int run(const struct settings *settings)
{
	struct kts_loader loader = { .name = "scx_ktest", .quiet = settings->quiet };
	struct scx_ktest_bpf *skel;
	int r = 1;

	skel = scx_ktest_bpf__open();
	if (!skel) {
		fprintf(stderr, "scx_ktest: cannot open its BPF object: %s\n", strerror(errno));
		return 1;
	}
	skel->rodata->bypass = settings->bypass;
	skel->rodata->stall_after_ns = settings->stall_after * UINT64_C(1000000000);
	skel->struct_ops.ktest_ops->timeout_ms = settings->watchdog_ms;
	if (settings->no_hotplug) {
		skel->struct_ops.ktest_ops->cpu_online = NULL;
		skel->struct_ops.ktest_ops->cpu_offline = NULL;
		bpf_program__set_autoload(skel->progs.ktest_cpu_online, false);
		bpf_program__set_autoload(skel->progs.ktest_cpu_offline, false);
	}
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
	struct settings settings = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "bnqs:w:h", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			settings.bypass = true;
			break;
		case 'n':
			settings.no_hotplug = true;
			break;
		case 'q':
			settings.quiet = true;
			break;
		case 's':
			if (!kts_parse_number("scx_ktest", optarg, "seconds", STALL_AFTER_MAX,
					      &settings.stall_after))
				return 2;
			break;
		case 'w':
			if (!kts_parse_number("scx_ktest", optarg, "ms", KTS_WATCHDOG_MS_MAX,
					      &settings.watchdog_ms))
				return 2;
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
	return run(&settings);
}
