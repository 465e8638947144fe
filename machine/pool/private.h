/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by pool.c (leases, waiters) and work.c (threads that make, restore and destroy). The
 * pool's lock guards all members of struct kt_pool that change after kt_pool_new().
 *
 * Lock order: kt_pool_memory.lock before kt_pool.lock. With kt_pool.lock held, no thread calls
 * kt_pool_memory_ask(), waits at the gate or calls the maker. Of the maker's functions, only
 * used() is called with kt_pool_memory.lock held.
 */
#pragma once

#include <sys/queue.h>

#include "machine/pool/pool.h"

enum kt_pool_state {
	KT_POOL_EMPTY,
	KT_POOL_MAKING,
	KT_POOL_IDLE,
	KT_POOL_LEASED,
	KT_POOL_DIRTY, /* to be restored */
	KT_POOL_RESTORING,
	KT_POOL_DOOMED, /* to be destroyed */
	KT_POOL_DESTROYING,
	KT_POOL_STATE_COUNT_,
};

struct kt_pool_slot {
	enum kt_pool_state state;
	void *item;
	uint64_t serial;   /* of the latest lease */
	uint64_t order;	   /* increases with each item that becomes idle */
	uint64_t since_ns; /* start of being idle, CLOCK_MONOTONIC */
	struct kt_pool_promise promise;
};

/* A call of kt_pool_acquire() that waits; on its stack. */
struct kt_pool_waiter {
	TAILQ_ENTRY(kt_pool_waiter) link;
	int fd; /* eventfd; readable when done */
	bool done;
	int result;
	struct kt_pool_lease lease;
	struct kt_diag diag;
};

struct kt_pool_worker {
	struct kt_pool *pool;
	pthread_t thread;
	struct kt_pool_pass pass;
};

struct kt_pool {
	/* not changed after kt_pool_new() */
	struct kt_pool_maker maker;
	struct kt_pool_config config;
	struct kt_pool_worker *workers;
	unsigned int worker_count;
	struct kt_pool_giver giver; /* this pool as a source of memory */

	pthread_mutex_t lock;
	pthread_cond_t work;	    /* a worker has a task */
	pthread_cond_t settled;	    /* a slot's state has changed, or a caller has left */
	struct kt_pool_slot *slots; /* max_alive of them */
	unsigned int counts[KT_POOL_STATE_COUNT_];
	TAILQ_HEAD(, kt_pool_waiter) waiters;
	unsigned int callers; /* in kt_pool_acquire() */
	bool closing, stop;
	uint64_t serial, order;
	unsigned int failures_in_row;
	uint64_t make_at_ns;	    /* earliest next make after a failure */
	uint64_t memory_at_ns;	    /* earliest next request of memory after a refusal */
	struct kt_pool_stats stats; /* only the members that count events */
};

/* To be called with pool->lock held: */

void kt_pool_set(struct kt_pool *pool, struct kt_pool_slot *slot, enum kt_pool_state state);
/* Gives idle items to waiters. */
void kt_pool_serve(struct kt_pool *pool);
/* Ends all waits with this result and diag. */
void kt_pool_fail_waiters(struct kt_pool *pool, int result, const struct kt_diag *diag);
unsigned int kt_pool_alive(const struct kt_pool *pool);
unsigned int kt_pool_waiting(const struct kt_pool *pool);

/* In work.c; to be called without the lock: */

int kt_pool_start_workers(struct kt_pool *pool) _kt_must_check_;
/* To be called after pool->stop was set. */
void kt_pool_join_workers(struct kt_pool *pool);
