/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of workers that keep changing their own scheduling parameters. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "scenario/workload/work.h"

KT_WORKLOAD(nice_sweep, "goes through all nice values")
{
	int value = -20;

	kt_worker_uneven(w);
	while (kt_worker_iterate(w)) {
		if (setpriority(PRIO_PROCESS, 0, value))
			_exit(1);
		value = value < 19 ? value + 1 : -20;
		kt_burn(10000);
	}
}

KT_WORKLOAD(affinity_churn, "keeps pinning itself to a random CPU of its cpuset")
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all))
		_exit(1);
	kt_worker_uneven(w);
	while (kt_worker_iterate(w)) {
		unsigned int nth =
			(unsigned int)(kt_worker_random(w) % (unsigned int)CPU_COUNT(&all));

		CPU_ZERO(&one);
		for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &all) && !nth--)
				CPU_SET(cpu, &one);
		/* The CPU may have left the cpuset meanwhile. */
		if (sched_setaffinity(0, sizeof(one), &one) && errno != EINVAL)
			_exit(1);
		kt_burn(10000);
	}
}

KT_WORKLOAD(policy_churn, "is normal, batch, idle and real-time in turn")
{
	static const struct {
		int policy, priority;
	} kinds[] = { { SCHED_OTHER, 0 },
		      { SCHED_BATCH, 0 },
		      { SCHED_IDLE, 0 },
		      { SCHED_FIFO, 1 },
		      { SCHED_RR, 1 } };
	unsigned int i = 0;

	kt_worker_uneven(w);
	while (kt_worker_iterate(w)) {
		const struct sched_param param = { .sched_priority = kinds[i].priority };

		if (sched_setscheduler(0, kinds[i].policy, &param))
			_exit(1);
		i = (i + 1) % KT_ARRAY_SIZE(kinds);
		kt_burn(10000);
	}
}

KT_WORKLOAD(cgroup_churn, "makes two cgroups of its own and moves from one to the other")
{
	char dir[2][96], file[112];
	unsigned int i = 0;

	for (unsigned int k = 0; k < 2; k++) {
		snprintf(dir[k], sizeof(dir[k]), "/sys/fs/cgroup/ktest/scenario/churn_%d_%u",
			 (int)getpid(), k);
		if (mkdir(dir[k], 0755))
			_exit(1);
	}
	kt_worker_uneven(w);
	while (kt_worker_iterate(w)) {
		int fd;

		snprintf(file, sizeof(file), "%s/cgroup.procs", dir[i]);
		fd = open(file, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		close(fd);
		i ^= 1;
		kt_burn(10000);
	}
}
