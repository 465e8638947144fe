/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of workers that wake each other by futex. */
#include <limits.h>

#include "scenario/workload/work.h"

/* The last of an odd number of workers has no partner, and no iterations. */
KT_WORKLOAD(futex_pingpong, "two and two wake each other in turn")
{
	unsigned int index = kt_worker_index(w);
	bool alone = (index ^ 1) >= kt_worker_count(w);
	struct kt_post *ball = kt_post(w, index / 2);

	while (!kt_worker_is_over(w)) {
		uint32_t turn = kt_post_read(ball);

		if (alone || turn % 2 != index % 2) {
			kt_post_wait(w, ball, turn);
			continue;
		}
		kt_worker_iterate(w);
		kt_post_wake(ball, 1);
	}
}

KT_WORKLOAD(futex_fanout, "worker 0 wakes all others, each of which does a piece of work")
{
	struct kt_post *start = kt_post(w, 0);
	uint32_t seen = 0;

	if (!kt_worker_index(w)) {
		while (kt_worker_iterate(w)) {
			kt_post_wake(start, INT_MAX);
			kt_rest_ns(w, kt_worker_param(w, 0, KT_MS(2)));
		}
		return;
	}
	while (!kt_worker_is_over(w)) {
		uint32_t now = kt_post_read(start);

		if (now == seen) {
			kt_post_wait(w, start, seen);
			continue;
		}
		seen = now;
		kt_burn(10000);
		kt_worker_iterate(w);
	}
}

KT_WORKLOAD(herd, "all wait for one item, which worker 0 makes every param 0 ns (1 ms)")
{
	struct kt_post *things = kt_post(w, 0), *taken = kt_post(w, 1);

	while (!kt_worker_is_over(w)) {
		uint32_t made = kt_post_read(things), last = kt_post_read(taken);

		if (!kt_worker_index(w)) {
			kt_worker_iterate(w);
			kt_post_wake(things, INT_MAX);
			kt_rest_ns(w, kt_worker_param(w, 0, KT_MS(1)));
		} else if (last == made) {
			kt_post_wait(w, things, made);
		} else if (__atomic_compare_exchange_n(&taken->word, &last, last + 1, false,
						       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			kt_burn(1000);
			kt_worker_iterate(w);
		}
	}
}

KT_WORKLOAD(wake_chain, "each worker wakes the next one, the last one the first")
{
	unsigned int index = kt_worker_index(w), count = kt_worker_count(w);
	struct kt_post *mine = kt_post(w, index), *next = kt_post(w, (index + 1) % count);
	uint32_t seen = 0;

	if (!index)
		kt_post_wake(mine, 1);
	while (!kt_worker_is_over(w)) {
		if (kt_post_read(mine) == seen) {
			kt_post_wait(w, mine, seen);
			continue;
		}
		seen++;
		kt_burn(1000);
		kt_worker_iterate(w);
		kt_post_wake(next, 1);
	}
}

/* A woken consumer has much to do, and more items arrive before it has done it. */
KT_WORKLOAD(imbalance, "worker 0 produces param 0 items (8) at once; too few others consume them")
{
	struct kt_post *made = kt_post(w, 0), *taken = kt_post(w, 1);
	uint64_t batch = kt_worker_param(w, 0, 8);

	while (!kt_worker_is_over(w)) {
		uint32_t have = kt_post_read(made), last = kt_post_read(taken);

		if (!kt_worker_index(w)) {
			for (uint64_t i = 0; i < batch && have - last < 1000; i++)
				kt_post_wake(made, 1);
			kt_worker_iterate(w);
			kt_rest_ns(w, KT_MS(1));
		} else if (last == have) {
			kt_post_wait(w, made, have);
		} else if (__atomic_compare_exchange_n(&taken->word, &last, last + 1, false,
						       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			kt_burn(20000);
			kt_worker_iterate(w);
		}
	}
}

/* A server's pattern: a request arrives, is processed and answered (after schbench). */
KT_WORKLOAD(messages, "worker 0 sends every other worker a request, and waits for all replies")
{
	unsigned int index = kt_worker_index(w), others = kt_worker_count(w) - 1;
	struct kt_post *answers = kt_post(w, 0), *mine = kt_post(w, index);
	uint32_t seen = 0, rounds = 0;

	while (!kt_worker_is_over(w)) {
		if (!index) {
			for (unsigned int i = 1; i <= others; i++)
				kt_post_wake(kt_post(w, i), 1);
			rounds++;
			kt_worker_iterate(w);
			while (others && !kt_worker_is_over(w) &&
			       (seen = kt_post_read(answers)) != rounds * others)
				kt_post_wait(w, answers, seen);
		} else if (kt_post_read(mine) == seen) {
			kt_post_wait(w, mine, seen);
		} else {
			seen++;
			kt_burn((unsigned int)kt_worker_param(w, 0, 20000));
			kt_worker_iterate(w);
			kt_post_wake(answers, 1);
		}
	}
}
