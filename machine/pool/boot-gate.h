/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot-rate gate: how many machines are being made or restored at a time, over all
 * pools that share it. More than the host has CPUs only makes each of them later.
 * Whoever comes first goes first, whichever pool it is of.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

/* A place in the queue; of one thread, zeroed at first. */
struct kt_pool_pass {
	struct kt_pool_pass *next;
	bool abandoned;
};

struct kt_pool_gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct kt_pool_pass *first, *last;
	unsigned int slots; /* at a time */
	unsigned int taken;
};

/* The CPUs this process may use; at least 1. */
unsigned int kt_pool_gate_cpus(void);

/* slots: how many at a time; 0: one for each CPU. */
int kt_pool_gate_init(struct kt_pool_gate *gate, unsigned int slots) _kt_must_check_;
/* Nobody may be in it or wait for it. */
void kt_pool_gate_deinit(struct kt_pool_gate *gate);

enum kt_pool_gate_condition {
	/* the pass was abandoned; the caller is not in */
	KT_POOL_GATE_E_ABANDONED = KT_CONDITION(POOL_GATE),
};

/* Waits for a place. pass is borrowed until it returns. */
int kt_pool_gate_enter(struct kt_pool_gate *gate, struct kt_pool_pass *pass) _kt_must_check_;
void kt_pool_gate_leave(struct kt_pool_gate *gate);

/* From now on whoever waits, or will wait, with this pass is turned away. */
void kt_pool_gate_abandon(struct kt_pool_gate *gate, struct kt_pool_pass *pass);
