/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workloads of workers that communicate by pipes. The pipes are named, because workers share no
 * descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "scenario/workload/work.h"

#define PATIENCE_MS 50 /* between tests of kt_worker_is_over() */

/* Opened for reading and writing, so that open() does not wait for the other side. */
static int open_pipe(struct kt_worker *w, unsigned int number)
{
	char path[96];
	int fd;

	/* The pid of the first worker to come here, in shared memory, names the group's pipes. */
	uint64_t *id = (uint64_t *)kt_worker_shared(w);
	uint64_t none = 0;

	__atomic_compare_exchange_n(id, &none, (uint64_t)getpid(), false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	snprintf(path, sizeof(path), "/tmp/ktest-pipe-%llu-%u",
		 (unsigned long long)__atomic_load_n(id, __ATOMIC_ACQUIRE), number);
	if (mkfifo(path, 0600) && errno != EEXIST)
		_exit(1);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		_exit(1);
	return fd;
}

/* Waits for a byte of the partner; records the wake-up latency. False: the worker must stop. */
static bool take(struct kt_worker *w, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t sent_ns;
	bool waited = false;

	while (read(fd, &sent_ns, sizeof(sent_ns)) != (ssize_t)sizeof(sent_ns)) {
		if (kt_worker_is_over(w))
			return false;
		kt_worker_rest(w);
		poll(&pfd, 1, PATIENCE_MS);
		kt_worker_woke(w);
		waited = true;
	}
	if (waited)
		kt_worker_woken(w, sent_ns);
	return true;
}

static void give(int fd)
{
	uint64_t now_ns = kt_now_ns();

	if (write(fd, &now_ns, sizeof(now_ns)) != (ssize_t)sizeof(now_ns) && errno != EAGAIN)
		_exit(1);
}

/* The last of an odd number of workers has no partner, and no iterations. */
KT_WORKLOAD(pipe_pingpong, "two and two send each other a byte in turn")
{
	unsigned int index = kt_worker_index(w);
	int in = open_pipe(w, index), out = open_pipe(w, index ^ 1);

	if (!(index % 2) && index + 1 < kt_worker_count(w))
		give(out);
	while (take(w, in)) {
		kt_worker_iterate(w);
		give(out);
	}
}

/* All workers see a readable pipe; the first reader takes the data. */
static void take_some(struct kt_worker *w, int epoll_fd)
{
	struct epoll_event events[16];
	unsigned int first;
	uint64_t sent_ns;
	int n;

	kt_worker_rest(w);
	n = epoll_wait(epoll_fd, events, KT_ARRAY_SIZE(events), PATIENCE_MS);
	kt_worker_woke(w);
	first = (unsigned int)kt_worker_random(w);
	for (int i = 0; i < n; i++) {
		int fd = events[(first + (unsigned int)i) % (unsigned int)n].data.fd;

		if (read(fd, &sent_ns, sizeof(sent_ns)) != (ssize_t)sizeof(sent_ns))
			continue;
		kt_worker_woken(w, sent_ns);
		kt_worker_iterate(w);
	}
}

KT_WORKLOAD(epoll_storm, "worker 0 writes to param 0 pipes (16) at once; all others poll them all")
{
	unsigned int count = (unsigned int)KT_MIN(kt_worker_param(w, 0, 16), UINT64_C(64));
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fds[64];
	struct epoll_event event = { .events = EPOLLIN };

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = event.data.fd = open_pipe(w, i);
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event))
			_exit(1);
	}
	while (!kt_worker_is_over(w)) {
		if (kt_worker_index(w)) {
			take_some(w, epoll_fd);
			continue;
		}
		for (unsigned int i = 0; i < count; i++)
			give(fds[i]);
		kt_worker_iterate(w);
		kt_rest_ns(w, KT_MS(1));
	}
}
