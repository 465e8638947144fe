/* SPDX-License-Identifier: GPL-2.0-only */
/* The rendezvous of vCPU threads, with threads that only count. */
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/test.h"
#include "vmm/kvm/park.h"

#define THREADS 3

struct worker {
	struct kt_park *park;
	unsigned int index;
	pthread_t thread;
	uint64_t count;
	bool held; /* does not look at the park */
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (true) {
		if (!__atomic_load_n(&worker->held, __ATOMIC_ACQUIRE) &&
		    kt_park_is_wanted(worker->park) && !kt_park_enter(worker->park, worker->index))
			break;
		__atomic_fetch_add(&worker->count, 1, __ATOMIC_RELAXED);
		usleep(10);
	}
	kt_park_leave(worker->park, worker->index);
	return NULL;
}

static uint64_t soon(void)
{
	return kt_now_ns() + 20 * KT_NSEC_PER_MSEC;
}

static uint64_t later(void)
{
	return kt_now_ns() + 10 * KT_NSEC_PER_SEC;
}

static void start(struct kt_park *park, struct worker *workers)
{
	kt_park_init(park, THREADS);
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .park = park, .index = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void finish(struct kt_park *park, struct worker *workers)
{
	kt_park_stop(park);
	assert_int_equal(kt_park_wait_gone(park, later()), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	kt_park_deinit(park);
}

static uint64_t sum(const struct worker *workers)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < THREADS; i++)
		n += __atomic_load_n(&workers[i].count, __ATOMIC_RELAXED);
	return n;
}

TEST(test_it_begins_closed)
{
	struct worker workers[THREADS];
	struct kt_park park;

	start(&park, workers);
	assert_int_equal(kt_park_wait_parked(&park, later()), 0);
	assert_int_equal(sum(workers), 0);
	finish(&park, workers);
	assert_int_equal(sum(workers), 0);
}

TEST(test_nobody_moves_while_it_is_closed)
{
	struct worker workers[THREADS];
	struct kt_park park;
	uint64_t n = 0;

	start(&park, workers);
	for (unsigned int i = 0; i < 200; i++) {
		kt_park_open(&park);
		while (sum(workers) == n)
			usleep(10);
		kt_park_close(&park);
		assert_int_equal(kt_park_wait_parked(&park, later()), 0);
		n = sum(workers);
		usleep(50);
		assert_int_equal(sum(workers), n);
	}
	finish(&park, workers);
}

TEST(test_the_late_are_named)
{
	struct worker workers[THREADS];
	char late[KT_PARK_LATE_MAX];
	struct kt_park park;

	start(&park, workers);
	assert_int_equal(kt_park_wait_parked(&park, later()), 0);
	assert_string_equal(kt_park_late(&park, late, sizeof(late)), "");
	for (unsigned int i = 0; i < THREADS; i += 2)
		__atomic_store_n(&workers[i].held, true, __ATOMIC_RELEASE);
	kt_park_open(&park);
	while (!__atomic_load_n(&workers[0].count, __ATOMIC_RELAXED) ||
	       !__atomic_load_n(&workers[2].count, __ATOMIC_RELAXED))
		usleep(10);
	kt_park_close(&park);
	assert_int_equal(kt_park_wait_parked(&park, soon()), KT_PARK_E_DEADLINE);
	assert_string_equal(kt_park_late(&park, late, sizeof(late)), "0, 2");
	assert_int_equal(kt_park_wait_gone(&park, soon()), KT_PARK_E_DEADLINE);
	for (unsigned int i = 0; i < THREADS; i++)
		__atomic_store_n(&workers[i].held, false, __ATOMIC_RELEASE);
	assert_int_equal(kt_park_wait_parked(&park, later()), 0);
	finish(&park, workers);
}

TEST(test_stopped_is_for_good)
{
	struct worker workers[THREADS];
	struct kt_park park;

	start(&park, workers);
	kt_park_stop(&park);
	kt_park_open(&park);
	assert_true(kt_park_is_wanted(&park));
	finish(&park, workers);
}
