/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker threads of a pool, which make, restore and destroy items. A worker computes its next
 * task from the slots' states and the number of waiters, under the lock. There is no queue of
 * tasks, which could become out of date. Leases and waiters are left to pool.c.
 */
#include <string.h>

#include "base/clock.h"
#include "machine/pool/private.h"

#define BACKOFF_DOUBLINGS 7 /* 2^7 * BACKOFF_MIN_NS exceeds BACKOFF_MAX_NS */

/* ---- what is to do ---- */

static struct kt_pool_slot *slot_in(struct kt_pool *pool, enum kt_pool_state state)
{
	for (unsigned int i = 0; i < pool->config.max_alive; i++)
		if (pool->slots[i].state == state)
			return &pool->slots[i];
	return NULL;
}

/* More are wanted than are ready or on their way, those being made left out of account. */
static bool wants_more(const struct kt_pool *pool, unsigned int making)
{
	const unsigned int *n = pool->counts;
	unsigned int coming = n[KT_POOL_IDLE] + n[KT_POOL_DIRTY] + n[KT_POOL_RESTORING] + making;

	return !pool->closing && coming < pool->config.min_ready + kt_pool_waiting(pool);
}

static bool has_too_many(const struct kt_pool *pool)
{
	return pool->config.evict_after_ns && !pool->closing &&
	       pool->counts[KT_POOL_IDLE] > pool->config.min_ready;
}

static struct kt_pool_slot *oldest_idle(struct kt_pool *pool)
{
	struct kt_pool_slot *oldest = NULL;

	for (unsigned int i = 0; i < pool->config.max_alive; i++) {
		struct kt_pool_slot *slot = &pool->slots[i];

		if (slot->state == KT_POOL_IDLE && (!oldest || slot->order < oldest->order))
			oldest = slot;
	}
	return oldest;
}

/* Gives an idle item's memory to another pool, even if fewer than min_ready items stay. */
static bool give_memory(struct kt_pool_giver *giver)
{
	struct kt_pool *pool = kt_container_of(giver, struct kt_pool, giver);
	struct kt_pool_slot *slot;

	pthread_mutex_lock(&pool->lock);
	slot = oldest_idle(pool);
	if (slot) {
		pool->stats.evictions++;
		kt_pool_set(pool, slot, KT_POOL_DOOMED);
		kt_pool_promise_end(&slot->promise);
	}
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

static void evict(struct kt_pool *pool, uint64_t *wake_ns)
{
	while (has_too_many(pool)) {
		struct kt_pool_slot *slot = oldest_idle(pool);
		uint64_t end_ns = slot->since_ns + pool->config.evict_after_ns;

		if (end_ns > kt_now_ns()) {
			*wake_ns = KT_MIN(*wake_ns, end_ns);
			return;
		}
		pool->stats.evictions++;
		kt_pool_set(pool, slot, KT_POOL_DOOMED);
	}
}

/*
 * The slot to work on; its state is the task. NULL: no task before *ret_wake_ns. Destroying comes
 * first, because it gives memory back; restoring comes before making, because it is cheaper.
 */
static struct kt_pool_slot *next_task(struct kt_pool *pool, uint64_t *ret_wake_ns)
{
	uint64_t make_at_ns = KT_MAX(pool->make_at_ns, pool->memory_at_ns);
	struct kt_pool_slot *slot;

	*ret_wake_ns = UINT64_MAX;
	evict(pool, ret_wake_ns);
	slot = slot_in(pool, KT_POOL_DOOMED);
	if (!slot)
		slot = slot_in(pool, KT_POOL_DIRTY);
	if (slot || !pool->counts[KT_POOL_EMPTY] || !wants_more(pool, pool->counts[KT_POOL_MAKING]))
		return slot;
	if (make_at_ns <= kt_now_ns())
		return slot_in(pool, KT_POOL_EMPTY);
	*ret_wake_ns = KT_MIN(*ret_wake_ns, make_at_ns);
	return NULL;
}

static void wait_for_work(struct kt_pool *pool, uint64_t wake_ns)
{
	struct timespec at = kt_timespec(wake_ns);

	if (wake_ns == UINT64_MAX)
		pthread_cond_wait(&pool->work, &pool->lock);
	else
		pthread_cond_clockwait(&pool->work, &pool->lock, CLOCK_MONOTONIC, &at);
}

/* ---- tasks; called and left with the lock held ---- */

static void destroy(struct kt_pool *pool, struct kt_pool_slot *slot)
{
	struct kt_pool_memory *memory = pool->config.memory;

	kt_pool_set(pool, slot, KT_POOL_DESTROYING);
	pthread_mutex_unlock(&pool->lock);
	if (memory)
		kt_pool_memory_ending(memory, &slot->promise);
	pool->maker.destroy(pool->maker.arg, slot->item);
	if (memory)
		kt_pool_memory_drop(memory, &slot->promise);
	pthread_mutex_lock(&pool->lock);
	slot->item = NULL;
	pool->memory_at_ns = 0;
	kt_pool_set(pool, slot, KT_POOL_EMPTY);
}

/* Marks the item idle, unless the pool was closed meanwhile. */
static void make_ready(struct kt_pool *pool, struct kt_pool_slot *slot)
{
	kt_pool_set(pool, slot, pool->closing ? KT_POOL_DOOMED : KT_POOL_IDLE);
	kt_pool_serve(pool);
}

static void restore(struct kt_pool_worker *worker, struct kt_pool_slot *slot)
{
	struct kt_pool *pool = worker->pool;
	struct kt_diag diag = KT_DIAG_INIT; /* not reported: a new item replaces the broken one */
	int r;

	kt_pool_set(pool, slot, KT_POOL_RESTORING);
	pthread_mutex_unlock(&pool->lock);
	r = kt_pool_gate_enter(pool->config.gate, &worker->pass);
	if (!r) {
		r = pool->maker.restore(pool->maker.arg, slot->item, &diag);
		kt_pool_gate_leave(pool->config.gate);
	}
	pthread_mutex_lock(&pool->lock);
	if (!r) {
		pool->stats.restored++;
		make_ready(pool, slot);
	} else {
		pool->stats.failures += !pool->closing;
		kt_pool_set(pool, slot, KT_POOL_DOOMED);
	}
}

static void note_failure(struct kt_pool *pool, int r, struct kt_diag *diag)
{
	uint64_t pause_ns = KT_POOL_BACKOFF_MAX_NS;

	pool->stats.failures++;
	if (pool->failures_in_row < BACKOFF_DOUBLINGS)
		pause_ns = KT_MIN(KT_POOL_BACKOFF_MIN_NS << pool->failures_in_row, pause_ns);
	pool->make_at_ns = kt_now_ns() + pause_ns;
	if (pool->failures_in_row < BACKOFF_DOUBLINGS)
		pool->failures_in_row++;
	if (pool->failures_in_row < KT_POOL_FAILURES_MAX)
		return;
	if (!kt_diag_is_set(diag)) {
		kt_diag_doing(diag, "make a machine");
		kt_diag_cause(diag, "%s", r < 0 ? strerror(-r) : "it could not be made");
	}
	kt_pool_fail_waiters(pool, KT_POOL_E_MAKE, diag);
}

static void note_refusal(struct kt_pool *pool, int r, const struct kt_diag *diag)
{
	pool->stats.refusals++;
	pool->memory_at_ns = kt_now_ns() + KT_POOL_MEMORY_RETRY_NS;
	if (r == KT_POOL_MEMORY_E_REFUSED)
		kt_pool_fail_waiters(pool, KT_POOL_E_CAPACITY, diag);
}

/* Inside the gate, without the lock. Whether the item is still wanted; *urgent: a caller waits. */
static bool is_wanted(struct kt_pool *pool, bool *ret_urgent)
{
	bool wanted;

	pthread_mutex_lock(&pool->lock);
	wanted = wants_more(pool, pool->counts[KT_POOL_MAKING] - 1);
	*ret_urgent = !TAILQ_EMPTY(&pool->waiters);
	pthread_mutex_unlock(&pool->lock);
	return wanted;
}

/* Inside the gate, without the lock. *ret_admitted: not refused for memory. */
static int make_admitted(struct kt_pool *pool, struct kt_pool_slot *slot, bool urgent,
			 bool *ret_admitted, struct kt_diag *diag)
{
	const struct kt_pool_maker *maker = &pool->maker;
	struct kt_pool_memory *memory = pool->config.memory;
	int r = 0;

	slot->promise.bytes = maker->bytes_each;
	if (memory)
		r = kt_pool_memory_ask(memory, &slot->promise, urgent, diag);
	*ret_admitted = r <= 0;
	if (!r)
		r = maker->make(maker->arg, &slot->item, diag);
	if (memory && !r)
		kt_pool_memory_item(memory, &slot->promise, maker->used, maker->arg, slot->item);
	if (memory && r)
		kt_pool_memory_drop(memory, &slot->promise);
	return r;
}

static void end_making(struct kt_pool *pool, struct kt_pool_slot *slot, int r, bool admitted,
		       struct kt_diag *diag)
{
	if (!r) {
		pool->stats.made++;
		pool->failures_in_row = 0;
		pool->make_at_ns = 0;
		make_ready(pool, slot);
		return;
	}
	if (admitted)
		note_failure(pool, r, diag);
	else
		note_refusal(pool, r, diag);
	kt_pool_set(pool, slot, KT_POOL_EMPTY);
}

static void make(struct kt_pool_worker *worker, struct kt_pool_slot *slot)
{
	struct kt_pool *pool = worker->pool;
	struct kt_diag diag = KT_DIAG_INIT;
	bool wanted, urgent, admitted = false;
	int r = 0;

	kt_pool_set(pool, slot, KT_POOL_MAKING);
	pthread_mutex_unlock(&pool->lock);
	wanted = !kt_pool_gate_enter(pool->config.gate, &worker->pass);
	if (wanted) {
		wanted = is_wanted(pool, &urgent);
		if (wanted)
			r = make_admitted(pool, slot, urgent, &admitted, &diag);
		kt_pool_gate_leave(pool->config.gate);
	}
	pthread_mutex_lock(&pool->lock);
	if (wanted)
		end_making(pool, slot, r, admitted, &diag);
	else
		kt_pool_set(pool, slot, KT_POOL_EMPTY);
}

static void *work(void *arg)
{
	struct kt_pool_worker *worker = arg;
	struct kt_pool *pool = worker->pool;
	uint64_t wake_ns;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		struct kt_pool_slot *slot = next_task(pool, &wake_ns);

		if (!slot)
			wait_for_work(pool, wake_ns);
		else if (slot->state == KT_POOL_DOOMED)
			destroy(pool, slot);
		else if (slot->state == KT_POOL_DIRTY)
			restore(worker, slot);
		else
			make(worker, slot);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int kt_pool_start_workers(struct kt_pool *pool)
{
	pool->giver.give = give_memory;
	if (pool->config.memory)
		kt_pool_memory_join(pool->config.memory, &pool->giver);
	for (unsigned int i = 0; i < pool->worker_count; i++) {
		struct kt_pool_worker *worker = &pool->workers[i];
		int r;

		worker->pool = pool;
		r = pthread_create(&worker->thread, NULL, work, worker);
		if (r) {
			pool->worker_count = i;
			return kt_raise(-r);
		}
	}
	return 0;
}

void kt_pool_join_workers(struct kt_pool *pool)
{
	if (pool->config.memory)
		kt_pool_memory_leave(pool->config.memory, &pool->giver);
	for (unsigned int i = 0; i < pool->worker_count; i++)
		pthread_join(pool->workers[i].thread, NULL);
}
