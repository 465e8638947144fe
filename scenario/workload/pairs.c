/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads of workers that wake each other. */
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ktest.h>

/* A futex on a cache line of its own, so that the workers share nothing else. */
struct ball {
	uint32_t turns;
	uint8_t pad[60];
};

static long futex(uint32_t *word, int op, uint32_t value)
{
	/* It looks up now and then whether it is to stop. */
	static const struct timespec patience = { .tv_nsec = 50000000 };

	return syscall(SYS_futex, word, op, value, &patience, NULL, 0);
}

/* Who is alone plays with nobody: it has no iterations. */
KT_WORKLOAD(futex_pingpong, "two and two wake each other in turn; one without another waits")
{
	unsigned int index = kt_worker_index(w), side = index % 2;
	struct ball *ball = (struct ball *)kt_worker_shared(w) + index / 2;

	while (!kt_worker_is_over(w)) {
		uint32_t turns = __atomic_load_n(&ball->turns, __ATOMIC_ACQUIRE);

		if (turns % 2 != side) {
			kt_worker_rest(w);
			futex(&ball->turns, FUTEX_WAIT, turns);
			kt_worker_woke(w);
			continue;
		}
		if ((index ^ 1) >= kt_worker_count(w)) {
			kt_worker_rest(w);
			futex(&ball->turns, FUTEX_WAIT, turns);
			kt_worker_woke(w);
			continue;
		}
		kt_worker_iterate(w);
		__atomic_store_n(&ball->turns, turns + 1, __ATOMIC_RELEASE);
		futex(&ball->turns, FUTEX_WAKE, 1);
	}
}
