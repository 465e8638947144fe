/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A maker that the test steers: its items stand for machines. It counts what is asked
 * of it, can be told to wait or to fail, and notices what must never be.
 */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/test.h"
#include "machine/pool/pool.h"

#define PATIENCE_NS (60 * KT_NSEC_PER_SEC) /* until a test is taken to hang */

/* Looks again and again, letting others run, until it is so. */
#define wait_until(condition)                                                  \
	do {                                                                   \
		uint64_t end_ = kt_now_ns() + PATIENCE_NS;                     \
		while (!(condition)) {                                         \
			if (kt_now_ns() > end_)                                \
				fail_msg("never became true: %s", #condition); \
			sched_yield();                                         \
		}                                                              \
	} while (0)

struct item {
	unsigned int number; /* in the order of being made, from 1 */
	unsigned int restored;
	atomic_uint users;
};

struct shop {
	struct kt_pool_gate gate;
	struct kt_pool_memory memory;
	struct kt_pool_maker maker;
	struct kt_pool *pools[4];
	unsigned int pool_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t owner;
	bool hold_make, hold_restore, hold_destroy; /* they wait */
	unsigned int make_fails, restore_fails;	    /* that many times */
	unsigned int make_calls, made, restored, destroyed;
	unsigned int at_work, at_work_peak; /* making and restoring */
	unsigned int alive_peak;
	bool on_owner; /* it was called by the thread of the test */
	bool in_use;   /* an item was destroyed or restored while it was used */
	atomic_ullong host_bytes, used_each; /* what the host has; what each item used */
};

static inline void enter_work(struct shop *shop, const bool *hold)
{
	pthread_mutex_lock(&shop->lock);
	shop->on_owner |= pthread_equal(pthread_self(), shop->owner);
	shop->at_work++;
	shop->at_work_peak = KT_MAX(shop->at_work_peak, shop->at_work);
	pthread_cond_broadcast(&shop->changed);
	while (*hold)
		pthread_cond_wait(&shop->changed, &shop->lock);
}

static inline void leave_work(struct shop *shop)
{
	shop->at_work--;
	pthread_mutex_unlock(&shop->lock);
}

static inline int shop_make(void *arg, void **ret_item, struct kt_diag *diag)
{
	struct shop *shop = arg;
	struct item *item = NULL;

	enter_work(shop, &shop->hold_make);
	shop->make_calls++;
	if (shop->make_fails) {
		shop->make_fails--;
		kt_diag_doing(diag, "make an item");
		kt_diag_cause(diag, "the shop is out of wood");
	} else {
		item = calloc(1, sizeof(*item));
		item->number = ++shop->made;
		shop->alive_peak = KT_MAX(shop->alive_peak, shop->made - shop->destroyed);
		*ret_item = item;
	}
	leave_work(shop);
	return item ? 0 : -ENOSPC;
}

static inline int shop_restore(void *arg, void *opaque, struct kt_diag *diag)
{
	struct shop *shop = arg;
	struct item *item = opaque;
	int r = 0;

	enter_work(shop, &shop->hold_restore);
	shop->in_use |= item->users != 0;
	if (shop->restore_fails) {
		shop->restore_fails--;
		r = -EIO;
	} else {
		shop->restored++;
		item->restored++;
	}
	leave_work(shop);
	return r;
}

static inline void shop_destroy(void *arg, void *opaque)
{
	struct shop *shop = arg;
	struct item *item = opaque;

	pthread_mutex_lock(&shop->lock);
	shop->on_owner |= pthread_equal(pthread_self(), shop->owner);
	shop->in_use |= item->users != 0;
	while (shop->hold_destroy)
		pthread_cond_wait(&shop->changed, &shop->lock);
	shop->destroyed++;
	pthread_mutex_unlock(&shop->lock);
	free(item);
}

static inline uint64_t shop_used(void *arg, void *item)
{
	struct shop *shop = arg;

	assert_non_null(item);
	return shop->used_each;
}

static inline int shop_available(void *arg, uint64_t *ret_bytes)
{
	struct shop *shop = arg;

	*ret_bytes = shop->host_bytes;
	return 0;
}

/* Slots of the gate: 0 for the default. */
static inline void shop_open(struct shop *shop, unsigned int slots)
{
	*shop = (struct shop){ .owner = pthread_self() };
	pthread_mutex_init(&shop->lock, NULL);
	pthread_cond_init(&shop->changed, NULL);
	kt_pool_gate_init(&shop->gate, slots);
	kt_pool_memory_init(&shop->memory);
	shop->memory.available = shop_available;
	shop->memory.arg = shop;
	shop->maker = (struct kt_pool_maker){
		.make = shop_make, .restore = shop_restore, .destroy = shop_destroy, .arg = shop
	};
}

static inline struct kt_pool *shop_pool(struct shop *shop, struct kt_pool_config config)
{
	struct kt_pool **pool = &shop->pools[shop->pool_count++];

	assert_true(shop->pool_count <= KT_ARRAY_SIZE(shop->pools));
	config.gate = &shop->gate;
	assert_int_equal(kt_pool_new(pool, &shop->maker, &config), 0);
	return *pool;
}
#define pool_of(...) shop_pool(&shop, (struct kt_pool_config){ __VA_ARGS__ })

/* All of them, which is what closing does. */
static inline void free_pools(struct shop *shop)
{
	while (shop->pool_count)
		assert_null(kt_pool_free(shop->pools[--shop->pool_count]));
}

/* One of the flags or numbers of the shop. */
#define shop_set(shop, member, value)                     \
	do {                                              \
		pthread_mutex_lock(&(shop)->lock);        \
		(shop)->member = (value);                 \
		pthread_cond_broadcast(&(shop)->changed); \
		pthread_mutex_unlock(&(shop)->lock);      \
	} while (0)

#define shop_get(shop, member)                                  \
	({                                                      \
		pthread_mutex_lock(&(shop)->lock);              \
		__typeof__((shop)->member) v_ = (shop)->member; \
		pthread_mutex_unlock(&(shop)->lock);            \
		v_;                                             \
	})

/* Nothing may be left. */
static inline void shop_close(struct shop *shop)
{
	/* After a test that failed, too. */
	shop_set(shop, hold_make, false);
	shop_set(shop, hold_restore, false);
	shop_set(shop, hold_destroy, false);
	free_pools(shop);
	assert_int_equal(shop->made, shop->destroyed);
	assert_false(shop->on_owner);
	assert_false(shop->in_use);
	assert_true(LIST_EMPTY(&shop->memory.promises));
	kt_pool_memory_deinit(&shop->memory);
	kt_pool_gate_deinit(&shop->gate);
	pthread_cond_destroy(&shop->changed);
	pthread_mutex_destroy(&shop->lock);
}

/* The shop of a test, with as many slots at its gate as there are CPUs. */
static struct shop shop;

static inline void open_shop(void)
{
	shop_open(&shop, 0);
}

/* Frees the pools that the test has not freed itself. */
static inline void close_shop(void)
{
	shop_close(&shop);
}

AROUND_EACH(open_shop, close_shop);

/* The same with another number of slots. */
static inline void narrow_gate(unsigned int slots)
{
	shop_close(&shop);
	shop_open(&shop, slots);
}

static inline struct kt_pool_stats stats_of(struct kt_pool *pool)
{
	struct kt_pool_stats stats;

	kt_pool_stats(pool, &stats);
	return stats;
}

static inline struct kt_pool_lease take(struct kt_pool *pool)
{
	struct kt_pool_lease lease;

	assert_ok(kt_pool_acquire(pool, -1, &lease, &diag));
	return lease;
}

static inline void give(struct kt_pool *pool, struct kt_pool_lease lease)
{
	assert_int_equal(kt_pool_release(pool, &lease, false), 0);
}

static inline const struct item *item_of(struct kt_pool_lease lease)
{
	return lease.item;
}

/*
 * A thread that acquires once; the order in which such threads were served. Static, because
 * it waits on after a test that failed, until the pools are freed.
 */
struct client {
	struct kt_pool *pool;
	pthread_t thread;
	int cancel_fd;
	bool keep;	    /* does not release */
	atomic_uint *turns; /* counts those served; may be NULL */
	unsigned int turn;
	int result;
	struct kt_pool_lease lease;
	struct kt_diag diag;
};

static inline void *client_run(void *arg)
{
	struct client *client = arg;

	client->result =
		kt_pool_acquire(client->pool, client->cancel_fd, &client->lease, &client->diag);
	if (client->result)
		return NULL;
	if (client->turns)
		client->turn = atomic_fetch_add(client->turns, 1) + 1;
	if (!client->keep)
		give(client->pool, client->lease);
	return NULL;
}

/* Returns when the client waits: it is the waiters'th in line. */
static inline void client_queue(struct client *client, unsigned int waiters)
{
	assert_int_equal(pthread_create(&client->thread, NULL, client_run, client), 0);
	wait_until(stats_of(client->pool).waiters == waiters);
}

static inline void client_join(struct client *client)
{
	pthread_join(client->thread, NULL);
}
