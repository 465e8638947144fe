/* SPDX-License-Identifier: GPL-2.0-only */
/* Run time, run delay and guest time of a thread; see schedstat.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/schedstat.h"

#define GUEST_TIME_FIELD 43 /* of /proc/<pid>/stat, counted from 1 */

/* Reads a file of the thread as text; false if the thread is gone. */
static bool read_text(pid_t pid, pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

bool kt_schedstat_read(pid_t pid, pid_t tid, struct kt_vcpu_stats *stats)
{
	unsigned long long run, delay;
	char text[128];

	if (!read_text(pid, tid, "schedstat", text, sizeof(text)) ||
	    sscanf(text, "%llu %llu", &run, &delay) != 2)
		return false;
	stats->run_ns = run;
	stats->delay_ns = delay;
	return true;
}

/* The field with this number, all of which after the second are numbers. */
static bool parse_field(const char *text, unsigned int field, unsigned long long *ret)
{
	const char *at = strrchr(text, ')'); /* the name may contain anything */

	for (unsigned int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%llu", ret) == 1;
}

bool kt_schedstat_read_vcpu(pid_t tid, struct kt_vcpu_stats *stats)
{
	unsigned long long ticks;
	char text[1024];

	if (!kt_schedstat_read(getpid(), tid, stats) ||
	    !read_text(getpid(), tid, "stat", text, sizeof(text)))
		return false;
	if (parse_field(text, GUEST_TIME_FIELD, &ticks))
		stats->guest_ns =
			KT_MIN((uint64_t)ticks * (KT_NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)),
			       stats->run_ns);
	return true;
}
