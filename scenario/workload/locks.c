/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of workers that contend for a mutex. */
#include <sys/resource.h>

#include "scenario/workload/work.h"

/* A mutex of three states (Drepper, "Futexes Are Tricky"): free, held, held and waited for. */
static void lock(struct kt_worker *w, struct kt_post *p)
{
	uint32_t state = 0;

	if (__atomic_compare_exchange_n(&p->word, &state, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	if (state != 2)
		state = __atomic_exchange_n(&p->word, 2, __ATOMIC_ACQUIRE);
	while (state) {
		kt_worker_rest(w);
		syscall(SYS_futex, &p->word, FUTEX_WAIT, 2, NULL, NULL, 0);
		kt_worker_woken(w, __atomic_load_n(&p->posted_ns, __ATOMIC_RELAXED));
		state = __atomic_exchange_n(&p->word, 2, __ATOMIC_ACQUIRE);
	}
}

static void unlock(struct kt_post *p)
{
	__atomic_store_n(&p->posted_ns, kt_now_ns(), __ATOMIC_RELAXED);
	if (__atomic_exchange_n(&p->word, 0, __ATOMIC_RELEASE) == 2)
		syscall(SYS_futex, &p->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

KT_WORKLOAD(convoy, "all want one mutex, which is held for most of the time")
{
	struct kt_post *mutex = kt_post(w, 0);

	do {
		kt_burn(500);
		lock(w, mutex);
		kt_burn(5000);
		unlock(mutex);
	} while (kt_worker_iterate(w));
}

/*
 * Priority inversion: workers have low, middle and high priority in turn, by nice value. Low
 * workers hold a mutex that high workers want, and middle workers keep low workers off the CPU.
 */
KT_WORKLOAD(inversion, "low workers hold a mutex that high workers want; middle workers never rest")
{
	static const int nice_values[] = { 19, 0, -10 };
	unsigned int kind = kt_worker_index(w) % 3;
	struct kt_post *mutex = kt_post(w, 0);

	setpriority(PRIO_PROCESS, 0, nice_values[kind]);
	do {
		if (kind == 1) {
			kt_burn(10000);
			continue;
		}
		lock(w, mutex);
		kt_burn(kind ? 1000 : 20000);
		unlock(mutex);
		kt_rest_ns(w, KT_MS(1));
	} while (kt_worker_iterate(w));
}
