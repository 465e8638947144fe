/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pool.c (leases, waiters) and work.c (the threads that make, restore and
 * destroy) share. All of struct kt_pool is under its lock, except what does not
 * change after kt_pool_new().
 *
 * Order of locks: the memory's, then a pool's; with the pool's held nobody asks the
 * memory, waits at the gate or calls the maker. The maker's used() alone is called
 * under the memory's.
 */
#pragma once

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
	uint64_t order;	   /* of becoming idle: the largest is the latest */
	uint64_t since_ns; /* idle */
	struct kt_pool_promise promise;
};

/* On the stack of whoever waits. */
struct kt_pool_waiter {
	struct kt_pool_waiter *next;
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
	/* constant */
	struct kt_pool_maker maker;
	struct kt_pool_config config;
	struct kt_pool_worker *workers;
	unsigned int worker_count;
	struct kt_pool_giver giver; /* of the memory */

	pthread_mutex_t lock;
	pthread_cond_t work;	    /* there is something to do */
	pthread_cond_t settled;	    /* a state has changed, or a caller has left */
	struct kt_pool_slot *slots; /* max_alive of them */
	unsigned int counts[KT_POOL_STATE_COUNT_];
	struct kt_pool_waiter *first, *last;
	unsigned int callers; /* in kt_pool_acquire() */
	bool closing, stop;
	uint64_t serial, order;
	unsigned int failures_in_row;
	uint64_t make_at_ns;	    /* not before, after a failure */
	uint64_t memory_at_ns;	    /* not before, after a refusal */
	struct kt_pool_stats stats; /* what is counted, not what is the case */
};

/* With the lock held: */

void kt_pool_set(struct kt_pool *pool, struct kt_pool_slot *slot, enum kt_pool_state state);
/* Gives idle items to those who wait. */
void kt_pool_serve(struct kt_pool *pool);
/* All who wait get the result and the diagnostic, which may be NULL. */
void kt_pool_fail_waiters(struct kt_pool *pool, int result, const struct kt_diag *diag);
unsigned int kt_pool_alive(const struct kt_pool *pool);
unsigned int kt_pool_waiting(const struct kt_pool *pool);

/* Of work.c; without the lock: */

int kt_pool_start_workers(struct kt_pool *pool) _kt_must_check_;
/* After stop was set. */
void kt_pool_join_workers(struct kt_pool *pool);
