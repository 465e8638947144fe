/* SPDX-License-Identifier: GPL-2.0-only */
/* Boxes; see box.h. Files: Documentation/admin-guide/cgroup-v2.rst. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ops/guest/box.h"

int kt_box_open(struct kt_box *box, const char *path)
{
	*box = KT_BOX_INIT;
	if (mkdir(path, 0755) && errno != EEXIST)
		return errno == ENOENT ? KT_BOX_E_NO_PARENT : kt_raise(-errno);
	box->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box->events_fd = openat(box->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	return box->dir_fd < 0 || box->events_fd < 0 ? kt_raise(-errno) : 0;
}

void kt_box_close(struct kt_box *box, struct kt_pid1 *pid1)
{
	kt_box_unwatch(box, pid1);
	kt_closep(&box->dir_fd);
	kt_closep(&box->events_fd);
}

bool kt_box_is_populated(const struct kt_box *box)
{
	char text[128];
	ssize_t n = pread(box->events_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return strstr(text, "populated 1");
}

int kt_box_kill(const struct kt_box *box)
{
	_cleanup_(kt_closep) int fd = openat(box->dir_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "1", 1) != 1 ? kt_raise(-errno) : 0;
}

int kt_box_signal(const struct kt_box *box, int sig)
{
	_cleanup_(kt_closep) int fd = openat(box->dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_(kt_fclosep) FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!procs)
		return kt_raise(-errno);
	fd = -1; /* closed with the stream */
	while (fscanf(procs, "%d", &pid) == 1)
		if (pid > 0 && kill(pid, sig) && errno != ESRCH)
			return kt_raise(-errno);
	return 0;
}

int kt_box_watch(struct kt_box *box, struct kt_pid1 *pid1, void (*fn)(void *arg), void *arg)
{
	if (box->watched)
		return 0;
	KT_TRY(kt_pid1_watch_events(pid1, box->events_fd, EPOLLPRI, fn, arg));
	box->watched = true;
	return 0;
}

void kt_box_unwatch(struct kt_box *box, struct kt_pid1 *pid1)
{
	if (box->watched)
		kt_pid1_unwatch(pid1, box->events_fd);
	box->watched = false;
}
