/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktest doctor`: what this machine has of what ktest needs. */
#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "proto/result.h"
#include "runner/doctor.h"

static const char help[] =
	"usage: ktest doctor [OPTION]...\n\n"
	"Looks at everything ktest needs of this machine, and says what to do about what\n"
	"is missing.\n\n"
	"  -h, --help    show this help\n\n"
	"Exit status: 0 scenarios can be run, 3 they cannot.\n";

static int print_items(void)
{
	static const char *const words[] = {
		[KT_HEALTH_GOOD] = "ok", [KT_HEALTH_NOTE] = "note", [KT_HEALTH_BAD] = "MISSING"
	};
	struct kt_doctor_item items[KT_DOCTOR_ITEMS_MAX];
	size_t n = kt_doctor_look(items);
	int status = 0;

	for (size_t i = 0; i < n; i++) {
		const struct kt_diag *d = &items[i].diag;

		printf("%-8s %-13s %s%s%s\n", words[items[i].health], items[i].name, d->doing,
		       d->doing[0] ? ": " : "", d->cause);
		if (d->remedy[0])
			printf("%-22s %s\n", "", d->remedy);
		if (items[i].health == KT_HEALTH_BAD)
			status = KT_EXIT_COULD_NOT_RUN;
	}
	return status;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c = getopt_long(argc, argv, ":h", options, NULL);

	if (c == 'h') {
		fputs(help, stdout);
		return 0;
	}
	if (c != -1)
		return cli_bad_option("doctor", argv, c);
	if (optind < argc)
		return cli_usage_error("doctor", "it takes no argument '%s'", argv[optind]);
	return print_items();
}
