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
	struct kt_exec *exec = arg;

	exec->pulse_pid = 0;
}

int kt_pulse_start(struct kt_exec *exec)
{
	pid_t pid = kt_exec_fork(exec, on_exit_pulse, exec);

	if (pid < 0)
		return kt_raise(-errno);
	if (!pid)
		beat();
	exec->pulse_pid = pid;
	return 0;
}

void kt_pulse_stop(struct kt_exec *exec)
{
	if (exec->pulse_pid)
		kill(exec->pulse_pid, SIGKILL);
}
