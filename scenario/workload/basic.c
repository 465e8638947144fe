/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of independent workers: busy, sleeping, or both in turn. */
#include <sched.h>

#include "scenario/workload/work.h"

KT_WORKLOAD(spin, "never rests, in pieces of work of some 10 us")
{
	while (kt_worker_iterate(w))
		kt_burn(10000);
}

KT_WORKLOAD(alu, "multiplies and adds without touching memory, in long pieces of work")
{
	uint64_t x = kt_worker_random(w);

	while (kt_worker_iterate(w)) {
		for (int i = 0; i < 100000; i++)
			x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		__asm__ volatile("" : "+r"(x));
	}
}

KT_WORKLOAD(yield, "calls sched_yield() after each piece of work")
{
	kt_worker_uneven(w);
	while (kt_worker_iterate(w)) {
		kt_burn(1000);
		sched_yield();
	}
}

KT_WORKLOAD(bursty, "works for param 0 ns (2 ms), then sleeps for about param 1 ns (8 ms)")
{
	uint64_t work_ns = kt_worker_param(w, 0, KT_MS(2));
	uint64_t rest_ns = kt_worker_param(w, 1, KT_MS(8));

	do {
		kt_burn_ns(w, work_ns);
		/* 50 to 150 % of the parameter, so that workers do not run in step. */
		kt_rest_ns(w, rest_ns / 2 + kt_worker_random(w) % (rest_ns + 1));
	} while (kt_worker_iterate(w));
}

KT_WORKLOAD(mixed, "every other worker spins; the rest sleep for param 0 ns (4 ms) between pieces")
{
	uint64_t rest_ns = kt_worker_param(w, 0, KT_MS(4));

	while (kt_worker_iterate(w)) {
		kt_burn(10000);
		if (kt_worker_index(w) % 2)
			kt_rest_ns(w, rest_ns);
	}
}

KT_WORKLOAD(timer, "sleeps with a period of param 0 ns (1 ms), and measures wake-up latency")
{
	uint64_t period_ns = kt_worker_param(w, 0, KT_MS(1)), due_ns = kt_now_ns();

	while (kt_worker_iterate(w)) {
		/* Missed periods are skipped. */
		due_ns = KT_MAX(due_ns + period_ns, kt_now_ns());
		kt_worker_rest(w);
		kt_sleep_until(due_ns);
		kt_worker_woken(w, due_ns);
	}
}

KT_WORKLOAD(script, "works param 0 ns, sleeps param 1 ns, works param 2 ns, sleeps param 3 ns")
{
	do {
		kt_burn_ns(w, kt_worker_param(w, 0, KT_MS(1)));
		kt_rest_ns(w, kt_worker_param(w, 1, KT_MS(1)));
		kt_burn_ns(w, kt_worker_param(w, 2, KT_MS(5)));
		kt_rest_ns(w, kt_worker_param(w, 3, KT_MS(5)));
	} while (kt_worker_iterate(w));
}
