/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads that use memory, files and processes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "scenario/workload/work.h"

KT_WORKLOAD(page_faults, "touches param 0 pages (256) of new memory, again and again")
{
	size_t bytes = kt_worker_param(w, 0, 256) * 4096;

	while (kt_worker_iterate(w)) {
		volatile char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			_exit(1);
		for (size_t at = 0; at < bytes; at += 4096)
			memory[at] = 1;
		munmap((void *)(uintptr_t)memory, bytes);
	}
}

KT_WORKLOAD(cache, "walks through param 0 bytes (4 MiB) of its own in a random order")
{
	size_t words = kt_worker_param(w, 0, 4 << 20) / sizeof(uint64_t);
	volatile uint64_t *memory = calloc(words, sizeof(*memory));

	if (!memory)
		_exit(1);
	while (kt_worker_iterate(w))
		for (int i = 0; i < 1000; i++)
			memory[kt_worker_random(w) % words]++;
}

KT_WORKLOAD(fork_exit, "starts processes that end at once, one after the other")
{
	while (kt_worker_iterate(w)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			kt_worker_cannot_fork(w, errno);
		if (waitpid(pid, NULL, 0) != pid)
			_exit(1);
	}
}

static void *work_a_little(void *arg)
{
	kt_burn(1000);
	return arg;
}

#define THREADS_MAX 16

KT_WORKLOAD(exits, "starts param 0 threads (2) and a process, which work a little and exit")
{
	uint64_t count = KT_MIN(kt_worker_param(w, 0, 2), (uint64_t)THREADS_MAX);
	pthread_t threads[THREADS_MAX];
	pid_t pid;

	while (kt_worker_iterate(w)) {
		for (uint64_t i = 0; i < count; i++) {
			int error = pthread_create(&threads[i], NULL, work_a_little, NULL);

			if (error)
				kt_worker_cannot_fork(w, error);
		}
		pid = fork();
		if (!pid) {
			work_a_little(NULL);
			_exit(0);
		}
		if (pid < 0)
			kt_worker_cannot_fork(w, errno);
		kt_worker_rest(w);
		for (uint64_t i = 0; i < count; i++)
			pthread_join(threads[i], NULL);
		if (waitpid(pid, NULL, 0) != pid)
			_exit(1);
		kt_worker_woke(w);
	}
}

KT_WORKLOAD(io_sync, "writes param 0 bytes (64 KiB) to a file and has them synced")
{
	size_t bytes = kt_worker_param(w, 0, 64 << 10);
	char path[64], *data = calloc(1, bytes);
	int fd;

	snprintf(path, sizeof(path), "/tmp/ktest-io-%d", (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!data || fd < 0)
		_exit(1);
	unlink(path);
	while (kt_worker_iterate(w))
		if (pwrite(fd, data, bytes, 0) != (ssize_t)bytes || fsync(fd))
			_exit(1);
}
