/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls on several threads at the same moment; see together.h. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/together.h"

/* The barrier: all threads wait for GO or STAY. */
struct gun {
	pthread_mutex_t lock;
	pthread_cond_t fired;
	enum { WAIT, GO, STAY } signal;
	uint64_t go_ns;
};

struct runner {
	struct gun *gun;
	pthread_t thread;
	kt_together_fn fn;
	void *arg;
};

static bool wait_for(struct gun *gun)
{
	bool go;

	pthread_mutex_lock(&gun->lock);
	while (gun->signal == WAIT)
		pthread_cond_wait(&gun->fired, &gun->lock);
	go = gun->signal == GO;
	pthread_mutex_unlock(&gun->lock);
	return go;
}

static void fire(struct gun *gun, bool go)
{
	pthread_mutex_lock(&gun->lock);
	gun->go_ns = kt_now_ns();
	gun->signal = go ? GO : STAY;
	pthread_cond_broadcast(&gun->fired);
	pthread_mutex_unlock(&gun->lock);
}

static void *run(void *arg)
{
	struct runner *r = arg;

	if (wait_for(r->gun))
		r->fn(r->arg, r->gun->go_ns);
	return NULL;
}

int kt_together(unsigned int count, kt_together_fn fn, void *array, size_t size)
{
	_cleanup_(kt_freep) struct runner *runners = calloc(count ?: 1, sizeof(*runners));
	struct gun gun = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, WAIT, 0 };
	unsigned int made = 0;
	int r = 0;

	if (!runners)
		return kt_raise(-ENOMEM);
	if (count == 1) {
		fn(array, kt_now_ns());
		return 0;
	}
	while (!r && made < count) {
		runners[made] = (struct runner){ .gun = &gun,
						 .fn = fn,
						 .arg = (char *)array + made * size };
		r = pthread_create(&runners[made].thread, NULL, run, &runners[made]);
		made += r ? 0 : 1;
	}
	/* If one thread cannot be created, no thread calls fn. */
	fire(&gun, !r);
	for (unsigned int i = 0; i < made; i++)
		pthread_join(runners[i].thread, NULL);
	return r ? kt_raise(-r) : 0;
}
