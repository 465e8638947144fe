/* SPDX-License-Identifier: GPL-2.0-only */
/* Options that all simple schedulers have; see main.h. */
#include "schedulers/main.h"

static const char help_text[] =
	"Usage: %s [OPTION]...\n"
	"\n"
	"A sched_ext scheduler. Runs until SIGTERM or SIGINT (exit status 0) or until the\n"
	"kernel ends it (exit status 1).\n"
	"\n"
	"  -q, --quiet   say nothing of attaching and of an end that was asked for\n"
	"  -w, --watchdog-ms N\n"
	"                how long a task may wait before the kernel ends the scheduler,\n"
	"                1 to 30000; the default, and the kernel's most, is 30000\n"
	"  -h, --help    print this text\n";

static const struct option options[] = {
	{ "quiet", no_argument, NULL, 'q' },
	{ "watchdog-ms", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int kts_main_options(struct kts_settings *ret_settings, int argc, char **argv, const char *name)
{
	int c;

	while ((c = getopt_long(argc, argv, "qw:h", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			ret_settings->quiet = true;
			break;
		case 'w':
			if (!kts_parse_number(name, optarg, "ms", KTS_WATCHDOG_MS_MAX,
					      &ret_settings->watchdog_ms))
				return 2;
			break;
		case 'h':
			printf(help_text, name);
			return 0;
		default:
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "%s: it takes no argument '%s'\n", name, argv[optind]);
	return 2;
}
