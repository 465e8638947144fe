/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures the pool (machine/pool/pool.h), for bench/run. Prints one line "NAME VALUE" per sample,
 * in microseconds. Items are empty, so that no time but the pool's own is measured.
 *
 *   pop       time of kt_pool_acquire() for an idle item
 *   release   time of kt_pool_release(); the pool then restores the item in the background
 *   busy-pop  time of kt_pool_acquire() while the pool's threads restore other items
 *
 * A round leases all items and returns all items; measure_round() has the order.
 *
 * usage: bench-pool SAMPLES
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "machine/pool/pool.h"

#define ITEMS 64u

static int make(void *arg, void **ret_item, struct kt_diag *diag)
{
	(void)diag;
	*ret_item = arg;
	return 0;
}

static int restore(void *arg, void *item, struct kt_diag *diag)
{
	(void)arg, (void)item, (void)diag;
	return 0;
}

static void destroy(void *arg, void *item)
{
	(void)arg, (void)item;
}

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "bench-pool: %s: %d\n", what, r);
	exit(1);
}

static void wait_for_idle(struct kt_pool *pool, unsigned int wanted)
{
	struct kt_pool_stats stats;

	do {
		sched_yield();
		kt_pool_stats(pool, &stats);
	} while (stats.idle < wanted);
}

static void sample(const char *name, uint64_t start_ns)
{
	printf("%s %.3f\n", name, (double)(kt_now_ns() - start_ns) / 1e3);
}

static void take(struct kt_pool *pool, struct kt_pool_lease *lease, const char *name)
{
	uint64_t start_ns = kt_now_ns();

	check(kt_pool_acquire(pool, -1, lease, NULL), "acquire");
	sample(name, start_ns);
}

static void give(struct kt_pool *pool, const struct kt_pool_lease *lease)
{
	uint64_t start_ns = kt_now_ns();

	check(kt_pool_release(pool, lease, false), "release");
	sample("release", start_ns);
}

/* Leases one half of the items; returns that half while the other half is leased; returns it. */
static void measure_round(struct kt_pool *pool)
{
	struct kt_pool_lease leases[ITEMS];

	wait_for_idle(pool, ITEMS);
	for (unsigned int i = 0; i < ITEMS / 2; i++)
		take(pool, &leases[i], "pop");
	for (unsigned int i = 0; i < ITEMS / 2; i++) {
		give(pool, &leases[i]);
		take(pool, &leases[ITEMS / 2 + i], "busy-pop");
	}
	for (unsigned int i = ITEMS / 2; i < ITEMS; i++)
		give(pool, &leases[i]);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) / (ITEMS / 2) + 1 : 1;
	const struct kt_pool_maker maker = {
		.make = make, .restore = restore, .destroy = destroy, .arg = argv
	};
	struct kt_pool_config config = { .min_ready = ITEMS,
					 .max_alive = ITEMS,
					 .restore_on_release = true };
	struct kt_pool_gate gate;
	struct kt_pool *pool;

	kt_pool_gate_init(&gate, 0);
	config.gate = &gate;
	check(kt_pool_new(&pool, &maker, &config), "pool");
	while (rounds--)
		measure_round(pool);
	kt_pool_free(pool);
	kt_pool_gate_deinit(&gate);
	return 0;
}
