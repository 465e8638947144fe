/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory admission: one budget for several pools. A guest takes memory from the host when
 * it touches a page, long after its machine was made. A machine is therefore made only if
 *
 *   available - (promised to machines - used by them) - size of the machine >= reserve
 *
 * with `available` as the host reports it now. Any other request is refused, before the
 * host's OOM killer has to act.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_POOL_RESERVE_BYTES (UINT64_C(256) << 20) /* stays available by default */
#define KT_POOL_HUNGRY_NS     UINT64_C(200000000)

/* The memory promised to one machine; embedded in the pool's slot of the machine. */
struct kt_pool_promise {
	LIST_ENTRY(kt_pool_promise) link;
	bool made;	   /* the promise is in the list */
	bool ending;	   /* the machine is being destroyed and takes no more memory */
	_Atomic bool idle; /* the machine is not lent: no release of it is to be waited for */
	uint64_t bytes;	   /* expected size of the machine */
	uint64_t (*used)(void *arg, void *item); /* NULL: unknown, counts as 0 */
	void *arg, *item;
};

/* A pool as a source of memory; embedded in the pool. */
struct kt_pool_giver {
	LIST_ENTRY(kt_pool_giver) link;
	/*
	 * Begins to destroy one idle machine and calls kt_pool_promise_end() with its promise.
	 * false: the pool has no idle machine.
	 */
	bool (*give)(struct kt_pool_giver *giver);
};

struct kt_pool_memory {
	pthread_mutex_t lock;
	uint64_t reserve_bytes;
	/* Bytes the host can give without swapping. Returns 0 or a negative errno. */
	int (*available)(void *arg, uint64_t *ret_bytes);
	void *arg;
	LIST_HEAD(, kt_pool_promise) promises;
	LIST_HEAD(, kt_pool_giver) givers;
	uint64_t hungry_until_ns; /* CLOCK_MONOTONIC; until then only urgent requests succeed */
};

/* MemAvailable of /proc/meminfo. arg is ignored. */
int kt_pool_mem_available(void *arg, uint64_t *ret_bytes) _kt_must_check_;

/*
 * Sets reserve_bytes to KT_POOL_RESERVE_BYTES and available to kt_pool_mem_available(); the caller
 * may change both afterwards.
 */
void kt_pool_memory_init(struct kt_pool_memory *memory);
/* All promises must have been dropped. */
void kt_pool_memory_deinit(struct kt_pool_memory *memory);

enum kt_pool_memory_condition {
	/* the machine does not fit now; other machines may give memory back */
	KT_POOL_MEMORY_E_LATER = KT_CONDITION(POOL_MEMORY),
	KT_POOL_MEMORY_E_REFUSED, /* the machine does not fit, and no machine can give memory back */
};

/* To be called from give() only. */
void kt_pool_promise_end(struct kt_pool_promise *promise);

/* Between join and leave, give() may be called, with memory->lock held. */
void kt_pool_memory_join(struct kt_pool_memory *memory, struct kt_pool_giver *giver);
void kt_pool_memory_leave(struct kt_pool_memory *memory, struct kt_pool_giver *giver);

/*
 * Promises promise->bytes; sets all other members of promise. Returns 0, a
 * kt_pool_memory_condition with the requested and the available bytes in diag, or a negative
 * errno. urgent: a caller waits for the machine. An urgent request that does not fit has one
 * idle machine destroyed and goes before requests that are not urgent for KT_POOL_HUNGRY_NS;
 * the caller repeats the request within that time.
 */
int kt_pool_memory_ask(struct kt_pool_memory *memory, struct kt_pool_promise *promise, bool urgent,
		       struct kt_diag *diag) _kt_must_check_;

/* The machine of the promise was made. used() may be called from now on. */
void kt_pool_memory_item(struct kt_pool_memory *memory, struct kt_pool_promise *promise,
			 uint64_t (*used)(void *arg, void *item), void *arg, void *item);
/* The machine is about to be destroyed. used() is not called from now on. */
void kt_pool_memory_ending(struct kt_pool_memory *memory, struct kt_pool_promise *promise);
/* The machine is destroyed. No effect on a promise that is not in the list. */
void kt_pool_memory_drop(struct kt_pool_memory *memory, struct kt_pool_promise *promise);
