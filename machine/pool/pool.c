/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases and waiters of a pool; see pool.h. Making, restoring and destroying items is left to
 * work.c.
 *
 * The item that became idle last is lent first: its memory is warm, and surplus items reach
 * their eviction. An item that becomes idle goes to the first waiter at once, so that a later
 * caller cannot take the item.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "machine/pool/private.h"

/* ---- states ---- */

void kt_pool_set(struct kt_pool *pool, struct kt_pool_slot *slot, enum kt_pool_state state)
{
	pool->counts[slot->state]--;
	pool->counts[state]++;
	slot->state = state;
	slot->promise.idle = state == KT_POOL_IDLE;
	if (state == KT_POOL_IDLE) {
		slot->order = ++pool->order;
		slot->since_ns = kt_now_ns();
	}
	pthread_cond_broadcast(&pool->settled);
	/* A lease only lowers the number of idle items; one thread is enough to replace the item. */
	if (state == KT_POOL_LEASED)
		pthread_cond_signal(&pool->work);
	else
		pthread_cond_broadcast(&pool->work);
}

unsigned int kt_pool_alive(const struct kt_pool *pool)
{
	return pool->config.max_alive - pool->counts[KT_POOL_EMPTY];
}

unsigned int kt_pool_waiting(const struct kt_pool *pool)
{
	const struct kt_pool_waiter *w;
	unsigned int n = 0;

	TAILQ_FOREACH (w, &pool->waiters, link)
		n++;
	return n;
}

static struct kt_pool_slot *latest_idle(struct kt_pool *pool)
{
	struct kt_pool_slot *latest = NULL;

	for (unsigned int i = 0; i < pool->config.max_alive; i++) {
		struct kt_pool_slot *slot = &pool->slots[i];

		if (slot->state == KT_POOL_IDLE && (!latest || slot->order > latest->order))
			latest = slot;
	}
	return latest;
}

static struct kt_pool_lease lend(struct kt_pool *pool, struct kt_pool_slot *slot)
{
	slot->serial = ++pool->serial;
	kt_pool_set(pool, slot, KT_POOL_LEASED);
	return (struct kt_pool_lease){ .pool = pool,
				       .item = slot->item,
				       .index = (unsigned int)(slot - pool->slots),
				       .serial = slot->serial };
}

/* ---- who waits ---- */

static void enqueue(struct kt_pool *pool, struct kt_pool_waiter *waiter)
{
	TAILQ_INSERT_TAIL(&pool->waiters, waiter, link);
	pool->memory_at_ns = 0; /* the next caller learns at once whether memory is available */
	pthread_cond_broadcast(&pool->work);
}

static void finish(struct kt_pool *pool, struct kt_pool_waiter *waiter, int result)
{
	TAILQ_REMOVE(&pool->waiters, waiter, link);
	waiter->result = result;
	waiter->done = true;
	eventfd_write(waiter->fd, 1);
}

void kt_pool_serve(struct kt_pool *pool)
{
	struct kt_pool_waiter *first;

	while ((first = TAILQ_FIRST(&pool->waiters)) && pool->counts[KT_POOL_IDLE]) {
		first->lease = lend(pool, latest_idle(pool));
		finish(pool, first, 0);
	}
}

void kt_pool_fail_waiters(struct kt_pool *pool, int result, const struct kt_diag *diag)
{
	struct kt_pool_waiter *first;

	while ((first = TAILQ_FIRST(&pool->waiters))) {
		first->diag = *diag;
		finish(pool, first, result);
	}
}

static void say_state(const struct kt_pool *pool, struct kt_diag *diag, unsigned int waiting)
{
	const unsigned int *n = pool->counts;

	kt_diag_cause(diag,
		      "%u alive: %u idle, %u leased, %u being made, %u being restored, %u ending; "
		      "%u waiters",
		      kt_pool_alive(pool), n[KT_POOL_IDLE], n[KT_POOL_LEASED], n[KT_POOL_MAKING],
		      n[KT_POOL_DIRTY] + n[KT_POOL_RESTORING],
		      n[KT_POOL_DOOMED] + n[KT_POOL_DESTROYING], waiting);
}

/* Removes a waiter without a result. */
static void give_up(struct kt_pool *pool, struct kt_pool_waiter *waiter, int result)
{
	struct kt_diag *diag = &waiter->diag;

	kt_diag_doing(diag, "wait for a machine of the pool");
	if (result == KT_POOL_E_TIMEOUT) {
		pool->stats.timeouts++;
		say_state(pool, diag, kt_pool_waiting(pool));
		kt_diag_remedy(diag, "none came free within %.3g s; let fewer run at a time",
			       (double)pool->config.acquire_timeout_ns / 1e9);
	} else if (result == KT_POOL_E_CANCELLED) {
		pool->stats.cancelled++;
		kt_diag_cause(diag, "it was cancelled by the user");
	} else {
		kt_diag_cause(diag, "%s", strerror(-result));
	}
	TAILQ_REMOVE(&pool->waiters, waiter, link);
	waiter->result = result;
}

/* Without the lock. Returns 0 if `done` may be set, else the reason to give up. */
static int wait_once(const struct kt_pool_waiter *waiter, int cancel_fd, uint64_t deadline_ns)
{
	struct pollfd fds[] = { { .fd = waiter->fd, .events = POLLIN },
				{ .fd = cancel_fd, .events = POLLIN } };
	uint64_t now_ns = kt_now_ns(), left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timespec left = kt_timespec(left_ns);
	int n = ppoll(fds, KT_ARRAY_SIZE(fds), &left, NULL);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		return KT_POOL_E_TIMEOUT;
	return fds[1].revents ? KT_POOL_E_CANCELLED : 0;
}

/* With the lock held; releases the lock during the wait. */
static int wait_in_line(struct kt_pool *pool, int cancel_fd, struct kt_pool_lease *ret_lease,
			struct kt_diag *diag)
{
	struct kt_pool_waiter waiter = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	uint64_t deadline_ns = kt_now_ns() + pool->config.acquire_timeout_ns;
	int r = 0;

	if (waiter.fd < 0)
		return kt_raise(-errno);
	enqueue(pool, &waiter);
	while (!waiter.done && !r) {
		pthread_mutex_unlock(&pool->lock);
		r = wait_once(&waiter, cancel_fd, deadline_ns);
		pthread_mutex_lock(&pool->lock);
	}
	/* An item given at the moment of a timeout or cancellation is kept. */
	if (!waiter.done)
		give_up(pool, &waiter, r);
	close(waiter.fd);
	if (!waiter.result)
		*ret_lease = waiter.lease;
	else if (diag && !kt_diag_is_set(diag))
		*diag = waiter.diag;
	return waiter.result;
}

static int acquire(struct kt_pool *pool, int cancel_fd, struct kt_pool_lease *ret_lease,
		   struct kt_diag *diag)
{
	pool->stats.acquires++;
	if (pool->closing) {
		kt_diag_doing(diag, "take a machine of the pool");
		return kt_fail(diag, KT_POOL_E_CLOSED, "the pool is being closed");
	}
	/* While an item is idle, there is no waiter. */
	if (!pool->counts[KT_POOL_IDLE])
		return wait_in_line(pool, cancel_fd, ret_lease, diag);
	pool->stats.hits++;
	*ret_lease = lend(pool, latest_idle(pool));
	return 0;
}

int kt_pool_acquire(struct kt_pool *pool, int cancel_fd, struct kt_pool_lease *ret_lease,
		    struct kt_diag *diag)
{
	int r;

	pthread_mutex_lock(&pool->lock);
	pool->callers++;
	r = acquire(pool, cancel_fd, ret_lease, diag);
	pool->callers--;
	pthread_cond_broadcast(&pool->settled);
	pthread_mutex_unlock(&pool->lock);
	return kt_forward(r);
}

static enum kt_pool_state after_release(const struct kt_pool *pool, bool discard)
{
	if (discard || pool->closing)
		return KT_POOL_DOOMED;
	if (!pool->config.restore_on_release)
		return KT_POOL_IDLE;
	return pool->maker.restore ? KT_POOL_DIRTY : KT_POOL_DOOMED;
}

int kt_pool_release(struct kt_pool *pool, const struct kt_pool_lease *lease, bool discard)
{
	struct kt_pool_slot *slot;
	int r = 0;

	if (lease->pool != pool || lease->index >= pool->config.max_alive)
		return kt_raise(-EINVAL);
	pthread_mutex_lock(&pool->lock);
	slot = &pool->slots[lease->index];
	if (!lease->serial || lease->serial > pool->serial)
		r = -EINVAL;
	else if (slot->serial != lease->serial || slot->state != KT_POOL_LEASED)
		r = -EALREADY;
	if (!r) {
		kt_pool_set(pool, slot, after_release(pool, discard));
		kt_pool_serve(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return r ? kt_raise(r) : 0;
}

void kt_pool_stats(struct kt_pool *pool, struct kt_pool_stats *ret_stats)
{
	const unsigned int *n = pool->counts;

	pthread_mutex_lock(&pool->lock);
	*ret_stats = pool->stats;
	ret_stats->alive = kt_pool_alive(pool);
	ret_stats->idle = n[KT_POOL_IDLE];
	ret_stats->leased = n[KT_POOL_LEASED];
	ret_stats->making = n[KT_POOL_MAKING];
	ret_stats->restoring = n[KT_POOL_DIRTY] + n[KT_POOL_RESTORING];
	ret_stats->ending = n[KT_POOL_DOOMED] + n[KT_POOL_DESTROYING];
	ret_stats->waiters = kt_pool_waiting(pool);
	pthread_mutex_unlock(&pool->lock);
}

enum kt_outcome kt_pool_outcome(int r)
{
	switch (r) {
	case KT_POOL_E_CAPACITY:
		return KT_OUTCOME_CAPACITY;
	case KT_POOL_E_CANCELLED:
		return KT_OUTCOME_CANCELLED;
	case KT_POOL_E_MAKE:
		return KT_OUTCOME_VMM_ERROR;
	default:
		return KT_OUTCOME_HOST_ERROR;
	}
}

void kt_pool_set_min_ready(struct kt_pool *pool, unsigned int min_ready)
{
	pthread_mutex_lock(&pool->lock);
	pool->config.min_ready = KT_MIN(min_ready, pool->config.max_alive);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- its life ---- */

/* Marks all items in one state to be destroyed. */
static void doom(struct kt_pool *pool, enum kt_pool_state state)
{
	for (unsigned int i = 0; i < pool->config.max_alive; i++)
		if (pool->slots[i].state == state)
			kt_pool_set(pool, &pool->slots[i], KT_POOL_DOOMED);
}

static void start_closing(struct kt_pool *pool)
{
	struct kt_diag diag = KT_DIAG_INIT;

	kt_diag_doing(&diag, "wait for a machine of the pool");
	kt_diag_cause(&diag, "the pool is being closed");
	pool->closing = true;
	kt_pool_fail_waiters(pool, KT_POOL_E_CLOSED, &diag);
	doom(pool, KT_POOL_IDLE);
	doom(pool, KT_POOL_DIRTY);
	for (unsigned int i = 0; i < pool->worker_count; i++)
		kt_pool_gate_abandon(pool->config.gate, &pool->workers[i].pass);
	pthread_cond_broadcast(&pool->work);
}

struct kt_pool *kt_pool_free(struct kt_pool *pool)
{
	if (!pool)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	start_closing(pool);
	doom(pool, KT_POOL_LEASED);
	while (kt_pool_alive(pool) || pool->callers)
		pthread_cond_wait(&pool->settled, &pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	kt_pool_join_workers(pool);
	pthread_cond_destroy(&pool->settled);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool->slots);
	free(pool);
	return NULL;
}

static bool makes_sense(const struct kt_pool_maker *maker, const struct kt_pool_config *config)
{
	return maker->make && maker->destroy && config->gate && config->max_alive &&
	       config->max_alive <= KT_POOL_ITEMS_MAX && config->min_ready <= config->max_alive;
}

/* One thread more than the gate admits, so that items are destroyed meanwhile. */
static unsigned int workers_of(const struct kt_pool_config *config)
{
	unsigned int busy = KT_MIN(config->max_alive, config->gate->slots);

	return KT_MIN(busy + 1, (unsigned int)KT_POOL_WORKERS_MAX);
}

int kt_pool_new(struct kt_pool **ret_pool, const struct kt_pool_maker *maker,
		const struct kt_pool_config *config)
{
	struct kt_pool *pool;
	int r;

	if (!makes_sense(maker, config))
		return kt_raise(-EINVAL);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return kt_raise(-ENOMEM);
	*pool = (struct kt_pool){ .maker = *maker,
				  .config = *config,
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .work = PTHREAD_COND_INITIALIZER,
				  .settled = PTHREAD_COND_INITIALIZER };
	TAILQ_INIT(&pool->waiters);
	if (!pool->config.acquire_timeout_ns)
		pool->config.acquire_timeout_ns = KT_POOL_ACQUIRE_TIMEOUT_NS;
	pool->counts[KT_POOL_EMPTY] = config->max_alive;
	pool->slots = calloc(config->max_alive, sizeof(*pool->slots));
	pool->workers = calloc(workers_of(config), sizeof(*pool->workers));
	if (!pool->slots || !pool->workers) {
		free(pool->workers);
		free(pool->slots);
		free(pool);
		return kt_raise(-ENOMEM);
	}
	pool->worker_count = workers_of(config);
	r = kt_pool_start_workers(pool);
	if (r) {
		kt_pool_free(pool);
		return kt_forward(r);
	}
	*ret_pool = pool;
	return 0;
}
