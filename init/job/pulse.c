/* SPDX-License-Identifier: GPL-2.0-only */
/* The pulse; see pulse.h. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init/init.h"
#include "init/job/pulse.h"

static _Noreturn void beat(void)
{
	struct timespec next;

	prctl(PR_SET_NAME, "ktest-pulse");
	close_range(0, UINT_MAX, 0);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		next.tv_nsec += (long)KT_PULSE_PERIOD_NS;
		if (next.tv_nsec >= (long)KT_NSEC_PER_SEC) {
			next.tv_nsec -= (long)KT_NSEC_PER_SEC;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

static void on_exit_pulse(void *arg, pid_t pid, int status)
{
	struct kt_pid1 *pid1 = arg;

	pid1->pulse_pid = 0;
}

int kt_pulse_start(struct kt_pid1 *pid1)
{
	pid_t pid = kt_pid1_fork(pid1, on_exit_pulse, pid1);

	if (pid < 0)
		return kt_raise(-errno);
	if (!pid)
		beat();
	pid1->pulse_pid = pid;
	return 0;
}

void kt_pulse_stop(struct kt_pid1 *pid1)
{
	if (pid1->pulse_pid)
		kill(pid1->pulse_pid, SIGKILL);
}
