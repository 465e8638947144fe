/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of one worker by itself. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktest.h>

/* A piece of work that takes some tens of microseconds on real hardware. */
static void burn(unsigned int rounds)
{
	for (volatile unsigned int i = 0; i < rounds; i++)
		;
}

static void sleep_ns(uint64_t ns)
{
	const struct timespec ts = { .tv_sec = (time_t)(ns / KT_NSEC_PER_SEC),
				     .tv_nsec = (long)(ns % KT_NSEC_PER_SEC) };

	nanosleep(&ts, NULL);
}

KT_WORKLOAD(spin, "never rests")
{
	while (kt_worker_iterate(w))
		burn(10000);
}

KT_WORKLOAD(yield, "gives way after each piece of work")
{
	while (kt_worker_iterate(w)) {
		burn(1000);
		sched_yield();
	}
}

KT_WORKLOAD(bursty, "works for param 0 ns (2 ms), then sleeps for param 1 ns (8 ms)")
{
	uint64_t work_ns = kt_worker_param(w, 0, KT_MS(2)),
		 rest_ns = kt_worker_param(w, 1, KT_MS(8));
	uint64_t until_ns;

	do {
		until_ns = kt_now_ns() + work_ns;
		while (kt_now_ns() < until_ns && kt_worker_iterate(w))
			burn(1000);
		kt_worker_rest(w);
		/* From half to one and a half of it, so that workers do not stay in step. */
		sleep_ns(rest_ns / 2 + kt_worker_random(w) % (rest_ns + 1));
		kt_worker_woke(w);
	} while (kt_worker_iterate(w));
}

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
		munmap((void *)memory, bytes);
	}
}

KT_WORKLOAD(fork_exit, "starts processes that end at once, one after the other")
{
	while (kt_worker_iterate(w)) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			_exit(1);
	}
}
