/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls at the same moment: all or none. */
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/together.h"
#include "tests/unit/test.h"

#define COUNT 8

struct one {
	pthread_barrier_t *all;
	pthread_t thread;
	uint64_t go_ns, begun_ns;
	int calls;
};

/* Returns only after all calls have begun. */
static void meet(void *arg, uint64_t go_ns)
{
	struct one *one = arg;

	one->begun_ns = kt_now_ns();
	one->go_ns = go_ns;
	one->thread = pthread_self();
	one->calls++;
	pthread_barrier_wait(one->all);
}

static void run(unsigned int count, struct one *ones)
{
	pthread_barrier_t all;

	assert_int_equal(pthread_barrier_init(&all, NULL, count), 0);
	for (unsigned int i = 0; i < count; i++)
		ones[i] = (struct one){ .all = &all };
	assert_int_equal(kt_together(count, meet, ones, sizeof(*ones)), 0);
	pthread_barrier_destroy(&all);
}

/*
 * Without address space for another stack, no thread can be created. The largest count comes
 * first, because later threads reuse the stacks of ended threads.
 */
TEST(test_all_or_none)
{
	const struct rlimit none = { 1, RLIM_INFINITY };
	struct one ones[COUNT] = { 0 };
	struct rlimit before;
	int r;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* sanitizers need the address space */
#endif
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	r = kt_together(COUNT, meet, ones, sizeof(*ones));
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_true(r == -EAGAIN || r == -ENOMEM);
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(ones[i].calls, 0);
}

TEST(test_one_alone_has_no_thread)
{
	struct one one;

	run(1, &one);
	assert_int_equal(one.calls, 1);
	assert_true(pthread_equal(one.thread, pthread_self()));
	assert_true(one.begun_ns >= one.go_ns);
}

TEST(test_all_at_once)
{
	struct one ones[COUNT];

	run(COUNT, ones);
	for (unsigned int i = 0; i < COUNT; i++) {
		assert_int_equal(ones[i].calls, 1);
		assert_true(ones[i].go_ns == ones[0].go_ns);
		assert_true(ones[i].begun_ns >= ones[i].go_ns);
	}
}
