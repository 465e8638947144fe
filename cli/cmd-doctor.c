/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktest doctor`: prints whether the host meets ktest's requirements (runner/doctor.h). */
#include <stdio.h>

#include "cli/cli.h"
#include "proto/result.h"
#include "runner/doctor.h"

static int run(const struct cli_verb *verb, int argc, char **argv)
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

/* clang-format off */
const struct cli_verb cli_doctor = {
	"doctor", "", "look for what ktest needs on this machine",
	.about = "Checks all requirements of ktest on this host, and prints a remedy for each that "
		 "is not met.",
	.notes = "Exit status: 0 scenarios can be run, 3 scenarios cannot be run.",
	.run = run,
};
