/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs on threads: how many at a time, in which order their ends are told. */
#include <pthread.h>

#include "base/cleanup.h"
#include "runner/jobs.h"
#include "tests/unit/test.h"

#define JOBS 40

struct tally {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t owner;
	unsigned int at_work, peak, begun;
	unsigned int meet;    /* no job goes on before this number of jobs are at work */
	unsigned int stop_at; /* the job that asks for no further job */
	bool first_is_last;   /* job 0 ends after all others */
	unsigned int ended, told;
	bool seen[JOBS];
	bool wrong;
};

#define TALLY                                                 \
	((struct tally){ .lock = PTHREAD_MUTEX_INITIALIZER,   \
			 .changed = PTHREAD_COND_INITIALIZER, \
			 .owner = pthread_self(),             \
			 .stop_at = UINT32_MAX })

static bool work(void *arg, unsigned int job)
{
	struct tally *t = arg;

	pthread_mutex_lock(&t->lock);
	t->wrong |= t->seen[job] || pthread_equal(pthread_self(), t->owner);
	t->seen[job] = true;
	t->begun++;
	t->at_work++;
	t->peak = KT_MAX(t->peak, t->at_work);
	pthread_cond_broadcast(&t->changed);
	while (t->peak < t->meet || (t->first_is_last && !job && t->ended < JOBS - 1))
		pthread_cond_wait(&t->changed, &t->lock);
	t->at_work--;
	t->ended++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return job != t->stop_at;
}

static void done(void *arg, unsigned int job)
{
	struct tally *t = arg;

	pthread_mutex_lock(&t->lock);
	t->wrong |= job != t->told++ || !t->seen[job] || !pthread_equal(pthread_self(), t->owner);
	t->wrong |= t->first_is_last && t->ended < JOBS;
	pthread_mutex_unlock(&t->lock);
}

static unsigned int run(struct tally *t, unsigned int count, unsigned int parallel)
{
	const struct kt_jobs jobs = {
		.count = count, .parallel = parallel, .work = work, .done = done, .arg = t
	};
	unsigned int begun = 0;

	assert_int_equal(kt_jobs_run(&jobs, &begun), 0);
	assert_false(t->wrong);
	assert_int_equal(begun, t->begun);
	assert_int_equal(t->told, begun);
	assert_int_equal(t->ended, begun);
	return begun;
}

TEST(test_one_at_a_time)
{
	struct tally t = TALLY;

	assert_int_equal(run(&t, JOBS, 1), JOBS);
	assert_int_equal(t.peak, 1);
}

TEST(test_so_many_at_a_time)
{
	struct tally t = TALLY;

	t.meet = 4;
	assert_int_equal(run(&t, JOBS, 4), JOBS);
	assert_int_equal(t.peak, 4);
}

TEST(test_ends_are_told_in_order)
{
	struct tally t = TALLY;

	t.first_is_last = true;
	assert_int_equal(run(&t, JOBS, 3), JOBS);
}

TEST(test_a_job_can_be_the_last)
{
	struct tally t = TALLY;

	t.stop_at = 0;
	assert_int_equal(run(&t, JOBS, 1), 1);
	t = TALLY;
	t.stop_at = 2;
	assert_in_range(run(&t, JOBS, 3), 3, JOBS);
}

TEST(test_more_threads_than_jobs)
{
	struct tally t = TALLY;

	assert_int_equal(run(&t, 2, KT_JOBS_MAX), 2);
	t = TALLY;
	assert_int_equal(run(&t, 0, 8), 0);
}

TEST(test_limits)
{
	struct tally t = TALLY;
	struct kt_jobs jobs = { .count = 1, .work = work, .done = done, .arg = &t };
	unsigned int begun;

	assert_int_equal(kt_jobs_run(&jobs, &begun), -EINVAL);
	jobs.parallel = KT_JOBS_MAX + 1;
	assert_int_equal(kt_jobs_run(&jobs, &begun), -EINVAL);
}
