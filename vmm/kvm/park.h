/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The park: where vCPU threads wait while their machine is frozen, and a rendezvous that
 * tells the owner when all threads have arrived. The park knows nothing of KVM: the owner
 * closes it and kicks the vCPUs out of the guest; a thread enters the park when its last
 * instruction is complete.
 *
 * The park of a new machine is closed; starting the machine opens it.
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
	unsigned int count;	   /* threads, numbered from 0 */
	bool closed, stopped;	   /* written under the lock, read without the lock */
	bool parked[KT_CPUS_MAX];  /* the thread waits in the park, or is gone */
	bool gone[KT_CPUS_MAX];	   /* the thread will not enter again */
	unsigned int parked_count; /* true elements of parked[] */
	unsigned int gone_count;   /* true elements of gone[] */
};

enum kt_park_condition {
	KT_PARK_E_DEADLINE = KT_CONDITION(PARK),
};

/* Bytes of the longest text of kt_park_late(). */
#define KT_PARK_LATE_MAX (KT_CPUS_MAX * 5)

/* count: 1 to KT_CPUS_MAX. */
void kt_park_init(struct kt_park *park, unsigned int count);
/* No thread may be in the park. */
void kt_park_deinit(struct kt_park *park);

/* ---- the owner ---- */

/* Makes kt_park_is_wanted() true; afterwards the caller kicks the threads. */
void kt_park_close(struct kt_park *park);
/* Lets the waiting threads run; no effect after kt_park_stop(). */
void kt_park_open(struct kt_park *park);
/* Closes the park for good: kt_park_enter() returns false to all threads, which then end. */
void kt_park_stop(struct kt_park *park);

/*
 * Waits until all threads are parked. deadline_ns: CLOCK_MONOTONIC. KT_PARK_E_DEADLINE;
 * negative errno.
 */
int kt_park_wait_parked(struct kt_park *park, uint64_t deadline_ns) _kt_must_check_;
/* Waits until all threads are gone. As above. */
int kt_park_wait_gone(struct kt_park *park, uint64_t deadline_ns) _kt_must_check_;
/* Writes the numbers of the threads that are not parked to buf, "0, 3". Returns buf. */
char *kt_park_late(struct kt_park *park, char *buf, size_t size);

/* ---- the threads ---- */

/* Whether threads shall enter the park. Sequentially consistent with kt_park_close(). */
static inline bool kt_park_is_wanted(const struct kt_park *park)
{
	return __atomic_load_n(&park->closed, __ATOMIC_SEQ_CST);
}

/* Parks until the owner opens the park. False: the thread must end. */
bool kt_park_enter(struct kt_park *park, unsigned int index);
/* Called at the end of a thread, which counts as parked and gone from then on. */
void kt_park_leave(struct kt_park *park, unsigned int index);
