/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool of machines that are kept ready and lent to one user at a time. The pool knows neither
 * accelerators nor machines: a maker makes, restores and destroys items; the pool keeps items
 * ready, lends them and takes them back.
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
 * The functions are called from several threads at the same time, each call for another item.
 * arg must stay valid until kt_pool_free() has returned.
 */
struct kt_pool_maker {
	/* Makes an item. Returns 0, or a negative errno or any condition, with diag. */
	int (*make)(void *arg, void **ret_item, struct kt_diag *diag);
	/*
	 * Brings a used item back to its state after make(). An item that cannot be restored is
	 * destroyed. NULL: no restoring; a used item is destroyed and another one made.
	 */
	int (*restore)(void *arg, void *item, struct kt_diag *diag);
	void (*destroy)(void *arg, void *item);
	/*
	 * Number of bytes, out of bytes_each, that the item has taken from the host so far.
	 * Called at any time between make() and destroy(), from any thread; must neither wait
	 * nor call the pool. NULL: unknown; bytes_each stay reserved until destroy().
	 */
	uint64_t (*used)(void *arg, void *item);
	void *arg;
	uint64_t bytes_each; /* expected host memory per item */
};

struct kt_pool_config {
	unsigned int min_ready;	     /* idle items to keep */
	unsigned int max_alive;	     /* most items in any state; 1 to KT_POOL_ITEMS_MAX */
	uint64_t acquire_timeout_ns; /* 0: KT_POOL_ACQUIRE_TIMEOUT_NS */
	uint64_t
		evict_after_ns; /* idle items beyond min_ready are destroyed after this time; 0: never */
	bool restore_on_release;       /* false: items are lent again without restoring */
	struct kt_pool_gate *gate;     /* borrowed until kt_pool_free() */
	struct kt_pool_memory *memory; /* borrowed likewise; NULL: no memory admission */
};

/* One item lent to one user. The item is borrowed until it is released. */
struct kt_pool_lease {
	struct kt_pool *pool;
	void *item;
	unsigned int index; /* private */
	uint64_t serial;    /* private */
};

struct kt_pool_stats {
	unsigned int alive; /* sum of idle, leased, making, restoring, ending */
	unsigned int idle;  /* ready */
	unsigned int leased;
	unsigned int making;	/* being made, or waiting to be made */
	unsigned int restoring; /* being restored, or waiting to be restored */
	unsigned int ending;	/* being destroyed, or waiting to be destroyed */
	unsigned int waiters;
	uint64_t acquires; /* calls of kt_pool_acquire() */
	uint64_t hits;	   /* calls served without waiting */
	uint64_t timeouts;
	uint64_t cancelled;
	uint64_t made;
	uint64_t restored;
	uint64_t evictions;
	uint64_t failures; /* of making and restoring */
	uint64_t refusals; /* for want of memory */
};

enum kt_pool_condition {
	/* no item became ready in time; diag has the numbers of items by state */
	KT_POOL_E_TIMEOUT = KT_CONDITION(POOL),
	KT_POOL_E_CANCELLED, /* cancel_fd became readable */
	KT_POOL_E_CAPACITY,  /* no memory for an item; diag: requested and available bytes */
	KT_POOL_E_MAKE,	     /* make() fails repeatedly; diag is that of make() */
	KT_POOL_E_CLOSED,    /* the pool is being closed */
};

struct kt_pool;

/*
 * Makes a pool and starts to make items. maker and config are copied. -EINVAL: invalid config;
 * other negative errno: threads or memory.
 */
int kt_pool_new(struct kt_pool **ret_pool, const struct kt_pool_maker *maker,
		const struct kt_pool_config *config) _kt_must_check_;

/*
 * Closes the pool: destroys all items, leased items included, and ends the threads, after running
 * calls of the maker have returned. Waiting callers get KT_POOL_E_CLOSED. Holders of leases must
 * neither use nor release their items any more. Accepts NULL; returns NULL.
 */
struct kt_pool *kt_pool_free(struct kt_pool *pool);
KT_DEFINE_FREEP(struct kt_pool, kt_pool_free)

/*
 * Takes an idle item, or waits for an item; waiting callers are served in order. cancel_fd:
 * readable: give up; never read from; -1: none. Returns 0, a kt_pool_condition or a negative
 * errno, both with diag.
 *
 * After KT_POOL_FAILURES_MAX failures of make() in a row, and after each further failure, all
 * waiting callers get KT_POOL_E_MAKE. The pool continues to call make(), with growing pauses,
 * while it wants items. If there is no memory for another item, idle items of other pools of the
 * budget are destroyed, even below their min_ready. If there are none, callers wait for a
 * release in any pool. If no item is in use either, callers get KT_POOL_E_CAPACITY.
 */
int kt_pool_acquire(struct kt_pool *pool, int cancel_fd, struct kt_pool_lease *ret_lease,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * Returns a leased item; waits for nothing but the pool's lock. discard: the item is broken and
 * is destroyed. -EINVAL: not a lease of this pool; -EALREADY: released before; both without
 * effect.
 */
int kt_pool_release(struct kt_pool *pool, const struct kt_pool_lease *lease,
		    bool discard) _kt_must_check_;

/* Changes min_ready; at most max_alive. Surplus idle items are evicted after evict_after_ns. */
void kt_pool_set_min_ready(struct kt_pool *pool, unsigned int min_ready);

/* Copies the statistics. */
void kt_pool_stats(struct kt_pool *pool, struct kt_pool_stats *ret_stats);

/* The outcome of a run for r, a result of kt_pool_acquire() other than 0. */
enum kt_outcome kt_pool_outcome(int r);
