/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of scenario/guest.h about the processes of the guest. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scenario/guest.h"

/* The state letter of a process (proc_pid_stat(5)); 0: no such process. */
static char state_of(const char *pid)
{
	_cleanup_(kt_closep) int fd = -1;
	char path[300], text[512];
	const char *name_end;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.255s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	name_end = strrchr(text, ')');
	return name_end && name_end[1] ? name_end[2] : 0;
}

unsigned int kt_guest_zombies(const struct kt_guest *kg)
{
	DIR *proc = opendir("/proc");
	unsigned int count = 0;
	struct dirent *e;

	while (proc && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && state_of(e->d_name) == 'Z')
			count++;
	if (proc)
		closedir(proc);
	return count;
}
