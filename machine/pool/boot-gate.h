/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot-rate gate: limits how many machines are made or restored at the same time, over all
 * pools that share the gate. With more machines than CPUs of the host, each machine only
 * takes longer. Threads enter in the order of their arrival, across pools.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/error.h"

/* The place of one thread in the queue. Zeroed by the caller before the first use. */
struct kt_pool_pass {
	TAILQ_ENTRY(kt_pool_pass) link;
	bool abandoned;
};

struct kt_pool_gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	TAILQ_HEAD(kt_pool_passes, kt_pool_pass) passes;
	unsigned int slots; /* most passes inside at the same time */
	unsigned int taken; /* passes inside now */
};

/* Number of CPUs this process may use; at least 1. */
unsigned int kt_pool_gate_cpus(void);

/* slots: most passes inside at the same time; 0: kt_pool_gate_cpus(). */
void kt_pool_gate_init(struct kt_pool_gate *gate, unsigned int slots);
/* No thread may be inside the gate or wait for it. */
void kt_pool_gate_deinit(struct kt_pool_gate *gate);

enum kt_pool_gate_condition {
	/* the pass was abandoned; the caller is not inside */
	KT_POOL_GATE_E_ABANDONED = KT_CONDITION(POOL_GATE),
};

/*
 * Waits until the pass is inside. pass is borrowed for the call. Returns 0 or a
 * kt_pool_gate_condition.
 */
int kt_pool_gate_enter(struct kt_pool_gate *gate, struct kt_pool_pass *pass) _kt_must_check_;
void kt_pool_gate_leave(struct kt_pool_gate *gate);

/* Makes present and future kt_pool_gate_enter() calls with this pass return ABANDONED. */
void kt_pool_gate_abandon(struct kt_pool_gate *gate, struct kt_pool_pass *pass);
