/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where vCPU threads wait while their machine is frozen, and the rendezvous
 * that tells the owner when all of them are there. It knows nothing of KVM: the
 * owner closes the park and then kicks the vCPUs, by whatever gets them out of
 * the guest; each enters when it has nothing half done.
 *
 * A machine begins with its park closed, so that starting is opening it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct kt_park {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int count;	   /* threads that take part, numbered from 0 */
	bool closed, stopped;	   /* written under the lock, read without it */
	bool parked[KT_CPUS_MAX];  /* waiting here, or gone */
	bool gone[KT_CPUS_MAX];	   /* the thread enters no more */
	unsigned int parked_count; /* of parked[] */
	unsigned int gone_count;   /* of gone[] */
};

enum kt_park_condition {
	KT_PARK_E_DEADLINE = KT_CONDITION(PARK),
};

/* Room for the numbers of all threads, as kt_park_late() writes them. */
#define KT_PARK_LATE_MAX (KT_CPUS_MAX * 5)

/* count: 1 to KT_CPUS_MAX. */
int kt_park_init(struct kt_park *park, unsigned int count) _kt_must_check_;
/* No thread may be in the park. */
void kt_park_deinit(struct kt_park *park);

/* ---- the owner ---- */

/* From now on kt_park_is_wanted() is true; the caller kicks the threads after this. */
void kt_park_close(struct kt_park *park);
/* Lets go those who wait; without effect after kt_park_stop(). */
void kt_park_open(struct kt_park *park);
/* Closes for good: whoever enters, or is there, is told to end its thread. */
void kt_park_stop(struct kt_park *park);

/* Waits until all threads are parked: 0 or KT_PARK_E_DEADLINE (CLOCK_MONOTONIC). */
int kt_park_wait_parked(struct kt_park *park, uint64_t deadline_ns) _kt_must_check_;
/* Waits until all threads are gone. */
int kt_park_wait_gone(struct kt_park *park, uint64_t deadline_ns) _kt_must_check_;
/* Writes the numbers of the threads that are not parked, "0, 3"; returns buf. */
char *kt_park_late(struct kt_park *park, char *buf, size_t size);

/* ---- the threads ---- */

/* Whether the thread should enter. Sequentially consistent with kt_park_close(). */
static inline bool kt_park_is_wanted(const struct kt_park *park)
{
	return __atomic_load_n(&park->closed, __ATOMIC_SEQ_CST);
}

/* Waits while the park is closed. False: the thread is to end. */
bool kt_park_enter(struct kt_park *park, unsigned int index);
/* The thread's last word: it counts as parked from now on. */
void kt_park_leave(struct kt_park *park, unsigned int index);
