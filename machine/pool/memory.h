/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory admission: a budget that pools share. Guest memory is taken from the host
 * when the guest touches it, long after the machine was made. So a machine is made
 * only if what the host has available now would leave the reserve after all that
 * was promised to machines, and not used by them yet, has been used as well. What
 * would not is refused, before the kernel has to end somebody.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

#define KT_POOL_RESERVE_BYTES (UINT64_C(256) << 20) /* stays available by default */
#define KT_POOL_HUNGRY_NS     UINT64_C(200000000)

/* What one machine was promised; embedded where the machine is kept. */
struct kt_pool_promise {
	struct kt_pool_promise *prev, *next;
	bool made;	   /* in the list */
	bool ending;	   /* it is being destroyed; uses no more */
	_Atomic bool idle; /* nobody uses it: nothing will come of waiting for it */
	uint64_t bytes;	   /* the machine's expected size */
	uint64_t (*used)(void *arg, void *item); /* NULL: unknown, counts as nothing */
	void *arg, *item;
};

/* Somebody who can give memory back; embedded in a pool. */
struct kt_pool_giver {
	struct kt_pool_giver *next;
	/*
	 * Begins to destroy a machine that nobody uses and calls kt_pool_promise_end()
	 * for it; false: there is none.
	 */
	bool (*give)(struct kt_pool_giver *giver);
};

struct kt_pool_memory {
	pthread_mutex_t lock;
	uint64_t reserve_bytes;
	/* Bytes the host can give without swapping; 0 or a negative errno. */
	int (*available)(void *arg, uint64_t *ret_bytes);
	void *arg;
	struct kt_pool_promise *promises;
	struct kt_pool_giver *givers;
	uint64_t hungry_until_ns; /* until then nothing is promised to who is not urgent */
};

/* MemAvailable of /proc/meminfo; arg is not used. */
int kt_pool_mem_available(void *arg, uint64_t *ret_bytes) _kt_must_check_;

/* With KT_POOL_RESERVE_BYTES and kt_pool_mem_available(); both may be changed then. */
int kt_pool_memory_init(struct kt_pool_memory *memory) _kt_must_check_;
/* Nothing may be promised any more. */
void kt_pool_memory_deinit(struct kt_pool_memory *memory);

enum kt_pool_memory_condition {
	KT_POOL_MEMORY_E_LATER = KT_CONDITION(
		POOL_MEMORY),	  /* does not fit now; another user has memory to give back */
	KT_POOL_MEMORY_E_REFUSED, /* does not fit, and no other user has */
};

/* Within give() only. */
void kt_pool_promise_end(struct kt_pool_promise *promise);

/* give() is called with the memory's lock held, until the giver has left. */
void kt_pool_memory_join(struct kt_pool_memory *memory, struct kt_pool_giver *giver);
void kt_pool_memory_leave(struct kt_pool_memory *memory, struct kt_pool_giver *giver);

/*
 * Promises promise->bytes, or says that it cannot and why, with the bytes requested
 * and available in diag. The other members of promise are set by this. Who is urgent,
 * because somebody waits, goes before who is not, and has machines ended that nobody
 * uses, one with each call; it has to ask again within KT_POOL_HUNGRY_NS.
 */
int kt_pool_memory_ask(struct kt_pool_memory *memory, struct kt_pool_promise *promise, bool urgent,
		       struct kt_diag *diag) _kt_must_check_;

/* The machine that the promise was made for is there; used() may be called from now on. */
void kt_pool_memory_item(struct kt_pool_memory *memory, struct kt_pool_promise *promise,
			 uint64_t (*used)(void *arg, void *item), void *arg, void *item);
/* It is about to be destroyed; used() is not called from now on. */
void kt_pool_memory_ending(struct kt_pool_memory *memory, struct kt_pool_promise *promise);
/* It is gone. Does nothing to a promise that was not made. */
void kt_pool_memory_drop(struct kt_pool_memory *memory, struct kt_pool_promise *promise);
