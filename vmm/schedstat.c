/* SPDX-License-Identifier: GPL-2.0-only */
/* Run time and run delay of a thread; see schedstat.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vmm/schedstat.h"

bool kt_schedstat_read(pid_t pid, pid_t tid, struct kt_vcpu_stats *stats)
{
	unsigned long long run, delay;
	char path[64], text[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %llu", &run, &delay) != 2)
		return false;
	*stats = (struct kt_vcpu_stats){ .run_ns = run, .delay_ns = delay };
	return true;
}
