/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs on threads; see jobs.h. */
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "runner/jobs.h"

struct crew {
	const struct kt_jobs *jobs;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int begun, at_work;
	bool stop;
	bool *done; /* by job */
};

static bool may_begin(const struct crew *crew)
{
	return !crew->stop && crew->begun < crew->jobs->count;
}

static void *work(void *arg)
{
	struct crew *crew = arg;

	pthread_mutex_lock(&crew->lock);
	while (may_begin(crew)) {
		unsigned int job = crew->begun++;
		bool more;

		crew->at_work++;
		pthread_mutex_unlock(&crew->lock);
		more = crew->jobs->work(crew->jobs->arg, job);
		pthread_mutex_lock(&crew->lock);
		crew->at_work--;
		crew->stop |= !more;
		crew->done[job] = true;
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

/* Waits until the job is done. false: the job was not begun and will not be. */
static bool wait_for(struct crew *crew, unsigned int job)
{
	bool done;

	pthread_mutex_lock(&crew->lock);
	while (!crew->done[job] && (crew->at_work || may_begin(crew)))
		pthread_cond_wait(&crew->changed, &crew->lock);
	done = crew->done[job];
	pthread_mutex_unlock(&crew->lock);
	return done;
}

/* Starts up to jobs->parallel threads; *ret_count: number of threads started. */
static int start_threads(struct crew *crew, pthread_t *threads, unsigned int *ret_count)
{
	unsigned int wanted = KT_MIN(crew->jobs->parallel, crew->jobs->count), n = 0;
	int r = 0;

	while (n < wanted && !r) {
		r = pthread_create(&threads[n], NULL, work, crew);
		n += !r;
	}
	*ret_count = n;
	return r && !n ? kt_raise(-r) : 0;
}

int kt_jobs_run(const struct kt_jobs *jobs, unsigned int *ret_begun)
{
	_cleanup_(kt_freep) bool *done = calloc(jobs->count + 1, sizeof(*done));
	struct crew crew = { .jobs = jobs,
			     .lock = PTHREAD_MUTEX_INITIALIZER,
			     .changed = PTHREAD_COND_INITIALIZER,
			     .done = done };
	pthread_t threads[KT_JOBS_MAX];
	unsigned int n;
	int r;

	if (!done)
		return kt_raise(-ENOMEM);
	if (!jobs->parallel || jobs->parallel > KT_JOBS_MAX)
		return kt_raise(-EINVAL);
	r = start_threads(&crew, threads, &n);
	for (unsigned int job = 0; !r && job < jobs->count && wait_for(&crew, job); job++)
		jobs->done(jobs->arg, job);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	*ret_begun = crew.begun;
	pthread_cond_destroy(&crew.changed);
	pthread_mutex_destroy(&crew.lock);
	return r;
}
