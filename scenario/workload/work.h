/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of workloads: burn CPU time, sleep, wait on a futex. */
#pragma once

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ktest.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Runs `rounds` rounds of an empty loop, some nanoseconds each on real hardware. */
static inline void kt_burn(unsigned int rounds)
{
	for (volatile unsigned int i = 0; i < rounds; i++)
		;
}

/* Burns CPU time for ns of wall time, or until the worker must stop. */
static inline void kt_burn_ns(struct kt_worker *w, uint64_t ns)
{
	uint64_t until_ns = kt_now_ns() + ns;

	while (kt_now_ns() < until_ns && kt_worker_iterate(w))
		kt_burn(1000);
}

static inline void kt_sleep_until(uint64_t ns)
{
	const struct timespec ts = kt_timespec(ns);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* Sleeps for ns and records the wake-up latency. */
static inline void kt_rest_ns(struct kt_worker *w, uint64_t ns)
{
	uint64_t due_ns = kt_now_ns() + ns;

	kt_worker_rest(w);
	kt_sleep_until(due_ns);
	kt_worker_woken(w, due_ns);
}

/* A futex that workers wait on, on a cache line of its own. */
struct kt_post {
	uint32_t word;
	uint32_t waiters;
	uint64_t posted_ns; /* time of the last change of `word` */
	uint8_t pad[48];
};

static inline struct kt_post *kt_post(struct kt_worker *w, unsigned int i)
{
	return (struct kt_post *)kt_worker_shared(w) +
	       i % (KT_WORKER_SHARED_BYTES / sizeof(struct kt_post));
}

static inline uint32_t kt_post_read(const struct kt_post *p)
{
	return __atomic_load_n(&p->word, __ATOMIC_ACQUIRE);
}

/*
 * Waits while the word is `value`, at most 50 ms, so that the caller can test
 * kt_worker_is_over(). If the word changed, records the time since the change as wake-up
 * latency.
 */
static inline void kt_post_wait(struct kt_worker *w, struct kt_post *p, uint32_t value)
{
	static const struct timespec patience = { .tv_nsec = 50000000 };

	kt_worker_rest(w);
	syscall(SYS_futex, &p->word, FUTEX_WAIT, value, &patience, NULL, 0);
	if (kt_post_read(p) != value)
		kt_worker_woken(w, __atomic_load_n(&p->posted_ns, __ATOMIC_RELAXED));
	else
		kt_worker_woke(w);
}

/* Increments the word and wakes up to `count` waiters. */
static inline void kt_post_wake(struct kt_post *p, unsigned int count)
{
	__atomic_store_n(&p->posted_ns, kt_now_ns(), __ATOMIC_RELAXED);
	__atomic_add_fetch(&p->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &p->word, FUTEX_WAKE, count, NULL, NULL, 0);
}
