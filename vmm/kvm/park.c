/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rendezvous of vCPU threads; see park.h. One mutex and one condition variable; `closed`
 * is also read without the mutex, on the way into the guest.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "vmm/kvm/park.h"

void kt_park_init(struct kt_park *park, unsigned int count)
{
	*park = (struct kt_park){ .lock = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER,
				  .count = count,
				  .closed = true };
}

void kt_park_deinit(struct kt_park *park)
{
	pthread_mutex_destroy(&park->lock);
	pthread_cond_destroy(&park->changed);
}

static void set_closed(struct kt_park *park, bool closed, bool stopped)
{
	pthread_mutex_lock(&park->lock);
	if (stopped)
		__atomic_store_n(&park->stopped, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&park->closed, closed || park->stopped, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&park->changed);
	pthread_mutex_unlock(&park->lock);
}

void kt_park_close(struct kt_park *park)
{
	set_closed(park, true, false);
}

void kt_park_open(struct kt_park *park)
{
	set_closed(park, false, false);
}

void kt_park_stop(struct kt_park *park)
{
	set_closed(park, true, true);
}

/* Waits until *counter says that all threads have arrived. */
static int wait_for_all(struct kt_park *park, const unsigned int *counter, uint64_t deadline_ns)
{
	const struct timespec when = kt_timespec(deadline_ns);
	int r = 0;

	pthread_mutex_lock(&park->lock);
	while (*counter < park->count && !r)
		r = pthread_cond_clockwait(&park->changed, &park->lock, CLOCK_MONOTONIC, &when);
	r = *counter < park->count ? r : 0;
	pthread_mutex_unlock(&park->lock);
	if (r == ETIMEDOUT)
		return KT_PARK_E_DEADLINE;
	return r ? kt_raise(-r) : 0;
}

int kt_park_wait_parked(struct kt_park *park, uint64_t deadline_ns)
{
	return kt_forward(wait_for_all(park, &park->parked_count, deadline_ns));
}

int kt_park_wait_gone(struct kt_park *park, uint64_t deadline_ns)
{
	return kt_forward(wait_for_all(park, &park->gone_count, deadline_ns));
}

char *kt_park_late(struct kt_park *park, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	pthread_mutex_lock(&park->lock);
	for (unsigned int i = 0; i < park->count; i++)
		if (!park->parked[i] && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%u", len ? ", " : "", i);
	pthread_mutex_unlock(&park->lock);
	return buf;
}

static void mark(bool *flag, unsigned int *counter, bool value)
{
	if (*flag == value)
		return;
	*flag = value;
	*counter = value ? *counter + 1 : *counter - 1;
}

bool kt_park_enter(struct kt_park *park, unsigned int index)
{
	bool stopped;

	pthread_mutex_lock(&park->lock);
	mark(&park->parked[index], &park->parked_count, true);
	if (park->parked_count == park->count)
		pthread_cond_broadcast(&park->changed);
	while (park->closed && !park->stopped)
		pthread_cond_wait(&park->changed, &park->lock);
	stopped = park->stopped;
	/* A thread that must end stays parked: it will not enter the guest again. */
	if (!stopped)
		mark(&park->parked[index], &park->parked_count, false);
	pthread_mutex_unlock(&park->lock);
	return !stopped;
}

void kt_park_leave(struct kt_park *park, unsigned int index)
{
	pthread_mutex_lock(&park->lock);
	mark(&park->parked[index], &park->parked_count, true);
	mark(&park->gone[index], &park->gone_count, true);
	pthread_cond_broadcast(&park->changed);
	pthread_mutex_unlock(&park->lock);
}
