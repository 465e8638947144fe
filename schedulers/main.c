/* SPDX-License-Identifier: GPL-2.0-only */
/* Options that all loaders have; see main.h. */
#include "schedulers/main.h"

static const char help_text[] =
	"Usage: %s [OPTION]...\n"
	"\n"
	"A sched_ext scheduler. Runs until SIGTERM or SIGINT (exit status 0) or until the\n"
	"kernel ends it (exit status 1).\n"
	"\n"
	"  -q, --quiet   do not report the attach, nor an end by a signal\n"
	"  -w, --watchdog-ms N\n"
	"                how long a task may wait before the kernel ends the scheduler,\n"
	"                1 to 30000; the default, and the kernel's most, is 30000\n"
	"  -h, --help    print this text\n"
	"%s";

#define OPTIONS_MAX 32

static const struct option common[] = {
	{ "quiet", no_argument, NULL, 'q' },
	{ "watchdog-ms", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
};

/* The common options, followed by the scheduler's own. */
static void list_options(struct option list[OPTIONS_MAX], const struct kts_own *own)
{
	size_t n = KT_ARRAY_SIZE(common);

	memcpy(list, common, sizeof(common));
	for (const struct option *o = own ? own->options : NULL; o && o->name; o++)
		if (n + 1 < OPTIONS_MAX)
			list[n++] = *o;
	list[n] = (struct option){ 0 };
}

int kts_main_options(struct kts_settings *ret_settings, int argc, char **argv, const char *name,
		     const struct kts_own *own)
{
	struct option list[OPTIONS_MAX];
	int c;

	list_options(list, own);
	while ((c = getopt_long(argc, argv, "qw:h", list, NULL)) != -1) {
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
			printf(help_text, name, own ? own->help : "");
			return 0;
		default:
			if (c < 256 || !own->take(c, optarg))
				return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "%s: it takes no argument '%s'\n", name, argv[optind]);
	return 2;
}
