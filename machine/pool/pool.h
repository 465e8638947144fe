/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool of machines that are ready to be used. It knows neither accelerators nor
 * machines: a maker tells it how to make, restore and destroy an item, and the pool
 * keeps some of them ready, lends them out one by one and takes them back.
 *
 *          make            acquire              release
 *   (none) ────► idle ───────────────► leased ───────────► restored in place, or
 *                 ▲ │ idle for too long               ▲    destroyed and made anew
 *                 │ └────► destroyed                  │    in the background
 *                 └───────────────────────────────────┴──────────┘
 *
 * Threads: all functions may be called from any thread. The maker's functions are
 * called on threads of the pool, never on the caller's. A child process dies with
 * the thread that forked it (PR_SET_PDEATHSIG, see base/process.h), therefore the
 * pool's threads live until the last item is gone: only kt_pool_free() ends them,
 * after all items have been destroyed. A child that a lessee's own thread forks has
 * no such protection. The threads have the signal mask of the thread that called
 * kt_pool_new().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/error.h"
#include "proto/result.h"
#include "machine/pool/boot-gate.h"
#include "machine/pool/memory.h"

#define KT_POOL_ITEMS_MAX	   1024
#define KT_POOL_WORKERS_MAX	   64
#define KT_POOL_ACQUIRE_TIMEOUT_NS (UINT64_C(60) * 1000000000)
#define KT_POOL_FAILURES_MAX	   3			/* in a row, then waiters are told */
#define KT_POOL_BACKOFF_MIN_NS	   UINT64_C(10000000)	/* after a first failure */
#define KT_POOL_BACKOFF_MAX_NS	   UINT64_C(1000000000) /* doubled up to this */
#define KT_POOL_MEMORY_RETRY_NS	   UINT64_C(50000000)	/* the host frees memory unasked */

/*
 * Several of these are called at a time, each for another item. All are owned by
 * whoever made the pool and must be there until kt_pool_free() has returned.
 */
struct kt_pool_maker {
	/* Makes an item. A negative errno, or a condition with diag. */
	int (*make)(void *arg, void **ret_item, struct kt_diag *diag);
	/*
	 * Brings a used item back to what it was when it was made. NULL: cannot be
	 * done, items are destroyed and made anew. An item it fails on is destroyed.
	 */
	int (*restore)(void *arg, void *item, struct kt_diag *diag);
	void (*destroy)(void *arg, void *item);
	/*
	 * Bytes of bytes_each that the item has taken from the host so far. Called at any
	 * time between make and destroy, from any thread, and must neither wait nor call
	 * the pool. NULL: not known; then all of them stay reserved while it lives.
	 */
	uint64_t (*used)(void *arg, void *item);
	void *arg;
	uint64_t bytes_each; /* that an item is expected to take from the host */
};

struct kt_pool_config {
	unsigned int min_ready;	       /* idle ones to keep */
	unsigned int max_alive;	       /* of all; 1 to KT_POOL_ITEMS_MAX */
	uint64_t acquire_timeout_ns;   /* 0: KT_POOL_ACQUIRE_TIMEOUT_NS */
	uint64_t evict_after_ns;       /* idle ones beyond min_ready end after it; 0: never */
	bool restore_on_release;       /* false: lent again as they were left */
	struct kt_pool_gate *gate;     /* borrowed until kt_pool_free() */
	struct kt_pool_memory *memory; /* borrowed likewise; NULL: memory is not looked at */
};

/* One item lent to one user. The item is borrowed until it is released. */
struct kt_pool_lease {
	struct kt_pool *pool;
	void *item;
	unsigned int index; /* the pool's */
	uint64_t serial;    /* the pool's */
};

struct kt_pool_stats {
	unsigned int alive; /* all of the following but waiters */
	unsigned int idle;  /* ready */
	unsigned int leased;
	unsigned int making;	/* being made, or waiting to be */
	unsigned int restoring; /* being restored, or waiting to be */
	unsigned int ending;	/* being destroyed, or waiting to be */
	unsigned int waiters;
	uint64_t acquires; /* calls */
	uint64_t hits;	   /* ... that were served without waiting */
	uint64_t timeouts;
	uint64_t cancelled;
	uint64_t made;
	uint64_t restored;
	uint64_t evictions;
	uint64_t failures; /* of making and restoring */
	uint64_t refusals; /* for want of memory */
};

enum kt_pool_condition {
	/* nothing came free in time; diag tells what there is */
	KT_POOL_E_TIMEOUT = KT_CONDITION(POOL),
	KT_POOL_E_CANCELLED, /* the descriptor became readable */
	KT_POOL_E_CAPACITY,  /* no memory for an item; diag: requested and available */
	KT_POOL_E_MAKE,	     /* making fails; diag is the maker's */
	KT_POOL_E_CLOSED,    /* the pool is being closed */
};

struct kt_pool;

/* maker and config are copied. -EINVAL: config makes no sense. Starts to fill it. */
int kt_pool_new(struct kt_pool **ret_pool, const struct kt_pool_maker *maker,
		const struct kt_pool_config *config) _kt_must_check_;

/*
 * Closes it, destroys every item, those on loan included, ends its threads: whoever
 * holds a lease must not touch the item any more nor release it, whoever waits for one
 * gets KT_POOL_E_CLOSED. Waits for makers that are at work. Accepts NULL; returns NULL.
 */
struct kt_pool *kt_pool_free(struct kt_pool *pool);
KT_DEFINE_FREEP(struct kt_pool, kt_pool_free)

/*
 * Takes a ready item, or waits for one behind all who wait already. cancel_fd becomes
 * readable to give up (nothing is read from it); -1: never. KT_POOL_E_TIMEOUT,
 * _CANCELLED, _CAPACITY, _MAKE, _CLOSED.
 *
 * After KT_POOL_FAILURES_MAX failures to make an item in a row, and after each
 * further one, all who wait get KT_POOL_E_MAKE. The pool goes on trying, with growing
 * pauses, as long as it wants items. Without memory for one more item, idle ones of other
 * pools of the budget are ended, even if fewer than their minimum stay; or else they
 * wait for one to be released, in whichever pool; if none is in use that could be,
 * they get KT_POOL_E_CAPACITY.
 */
int kt_pool_acquire(struct kt_pool *pool, int cancel_fd, struct kt_pool_lease *ret_lease,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Gives it back; never waits for anything but the pool's lock. discard: the item is
 * broken and is destroyed. -EINVAL: no lease of this pool; -EALREADY: it was
 * released before. Nothing happens then.
 */
int kt_pool_release(struct kt_pool *pool, const struct kt_pool_lease *lease,
		    bool discard) _kt_must_check_;

/* Another number of idle ones to keep, up to max_alive. Those beyond it are evicted in time. */
void kt_pool_set_min_ready(struct kt_pool *pool, unsigned int min_ready);

void kt_pool_stats(struct kt_pool *pool, struct kt_pool_stats *ret_stats);

/* The outcome of a run that got r from kt_pool_acquire(), which is not 0. */
enum kt_outcome kt_pool_outcome(int r);
