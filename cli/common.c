/* SPDX-License-Identifier: GPL-2.0-only */
/* What several verbs need; see cli.h. */
#include <signal.h>
#include <sys/random.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "cli/cli.h"

uint64_t cli_random_seed(void)
{
	uint32_t seed;

	/* Short enough to be typed. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return kt_now_ns() & UINT32_MAX;
	return seed;
}

int cli_open_cancel_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
