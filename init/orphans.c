/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that their parent's end has left to PID 1. A loader that forks away leaves such a
 * process behind; others, of a warm-up, are to live: they are older.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init.h"

/* Reads a file of /proc/<pid>; "" if there is none. */
static void read_proc(const char *pid, const char *file, char *text, size_t size)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[300];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.255s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	text[n > 0 ? n : 0] = 0;
}

/* Whether the process is a child of PID 1, no zombie, and began at since_ns or later. */
static bool is_young_child(const char *pid, uint64_t since_ns)
{
	uint64_t tick_ns = KT_NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long start;
	const char *name_end;
	char text[512], state;
	int parent;

	/* Fields 3, 4 and 22 of proc_pid_stat(5); the name before them may have any bytes. */
	read_proc(pid, "stat", text, sizeof(text));
	name_end = strrchr(text, ')');
	if (!name_end ||
	    sscanf(name_end + 1,
		   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &parent, &start) != 3)
		return false;
	return parent == 1 && state != 'Z' && (start + 1) * tick_ns > since_ns;
}

static bool is_own_child(const struct kt_pid1 *pid1, pid_t pid)
{
	for (size_t i = 0; i < KT_INIT_CHILDREN_MAX; i++)
		if (pid1->children[i].pid == pid)
			return true;
	return false;
}

static bool is_in_own_cgroup(const char *pid)
{
	char own[512], its[512];

	read_proc("self", "cgroup", own, sizeof(own));
	read_proc(pid, "cgroup", its, sizeof(its));
	return !strcmp(own, its);
}

unsigned int kt_pid1_kill_orphans(struct kt_pid1 *pid1, uint64_t since_ns)
{
	DIR *proc = opendir("/proc");
	unsigned int count = 0;
	struct dirent *e;

	while (proc && (e = readdir(proc))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 1 && is_young_child(e->d_name, since_ns) && !is_own_child(pid1, pid) &&
		    is_in_own_cgroup(e->d_name) && !kill(pid, SIGKILL))
			count++;
	}
	if (proc)
		closedir(proc);
	return count;
}
