/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions common to several verbs; see cli.h. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "kernel/import/choose.h"
#include "proto/result.h"

void cli_print_diag(const struct kt_diag *diag)
{
	if (!kt_diag_is_set(diag))
		return;
	fprintf(stderr, "ktest: %s%s%s\n", diag->doing, diag->doing[0] ? ": " : "", diag->cause);
	if (diag->remedy[0])
		fprintf(stderr, "ktest: %s\n", diag->remedy);
}

int cli_fail(struct kt_diag *diag, int r)
{
	if (!diag->cause[0])
		kt_diag_cause(diag, "%s", strerror(r < 0 ? -r : EIO));
	cli_print_diag(diag);
	return KT_EXIT_COULD_NOT_RUN;
}

void cli_on_import(const char *names, void *data)
{
	fprintf(stderr, "ktest: adding to the cache: the kernel of %s\n", names);
}

int cli_find_kernel(struct kt_kernel *ret_kernel, const char *word, struct kt_diag *diag)
{
	const struct kt_kernel_choice choice = { .word = word, .begin = cli_on_import };

	return kt_forward(kt_kernel_choose(ret_kernel, &choice, diag));
}

uint64_t cli_random_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return kt_now_ns() & UINT32_MAX;
	return seed;
}

int cli_open_signal_fd(const struct cli_verb *verb, ...)
{
	sigset_t set;
	va_list ap;
	int sig, fd;

	sigemptyset(&set);
	va_start(ap, verb);
	while ((sig = va_arg(ap, int)))
		sigaddset(&set, sig);
	va_end(ap);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fprintf(stderr, "ktest %s: cannot watch for signals: %s\n", verb->name,
			strerror(errno));
	return fd;
}
