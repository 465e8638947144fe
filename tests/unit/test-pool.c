/* SPDX-License-Identifier: GPL-2.0-only */
/* Leases of a pool: who gets which item when, and what becomes of it afterwards. */
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "tests/unit/pool-shop.h"
#include "machine/pool/private.h"

TEST(test_it_is_filled_to_the_minimum)
{
	struct kt_pool *pool = pool_of(.min_ready = 3, .max_alive = 5);

	wait_until(stats_of(pool).idle == 3);
	assert_int_equal(stats_of(pool).alive, 3);
	assert_int_equal(shop_get(&shop, made), 3);
}

TEST(test_what_is_taken_is_refilled)
{
	struct kt_pool_lease a, b;
	struct kt_pool_stats stats;
	struct kt_pool *pool = pool_of(.min_ready = 1, .max_alive = 3);

	wait_until(stats_of(pool).idle == 1);
	a = take(pool);
	wait_until(stats_of(pool).idle == 1);
	b = take(pool);
	assert_ptr_not_equal(a.item, b.item);
	wait_until(stats_of(pool).idle == 1);
	stats = stats_of(pool);
	assert_int_equal(stats.leased, 2);
	assert_int_equal(stats.alive, 3);
	assert_int_equal(stats.acquires, 2);
	assert_int_equal(stats.hits, 2);
	give(pool, a);
	give(pool, b);
}

TEST(test_a_miss_is_no_hit)
{
	struct kt_pool *pool = pool_of(.max_alive = 1);

	give(pool, take(pool)); /* made for it */
	give(pool, take(pool)); /* found */
	assert_int_equal(stats_of(pool).acquires, 2);
	assert_int_equal(stats_of(pool).hits, 1);
}

TEST(test_settings_that_make_no_sense)
{
	struct kt_pool *pool;

	const struct kt_pool_config wrong[] = {
		{ .max_alive = 0, .gate = &shop.gate },
		{ .max_alive = KT_POOL_ITEMS_MAX + 1, .gate = &shop.gate },
		{ .max_alive = 1, .min_ready = 2, .gate = &shop.gate },
		{ .max_alive = 1 },
	};
	for (size_t i = 0; i < KT_ARRAY_SIZE(wrong); i++)
		assert_int_equal(kt_pool_new(&pool, &shop.maker, &wrong[i]), -EINVAL);
	pool = pool_of(.max_alive = 1);
	assert_int_equal(pool->config.acquire_timeout_ns, 60 * KT_NSEC_PER_SEC);
	assert_null(kt_pool_free(NULL));
}

/* The one who releases and comes again is behind those who wait, too. */
TEST(test_first_come_first_served)
{
	static struct client clients[6];
	static atomic_uint turns;
	struct kt_pool_lease lease;
	struct kt_pool *pool = pool_of(.max_alive = 1);

	lease = take(pool);
	for (unsigned int i = 0; i < KT_ARRAY_SIZE(clients); i++) {
		clients[i] = (struct client){ .pool = pool, .cancel_fd = -1, .turns = &turns };
		client_queue(&clients[i], i + 1);
	}
	give(pool, lease);
	lease = take(pool);
	assert_int_equal(turns, KT_ARRAY_SIZE(clients));
	for (unsigned int i = 0; i < KT_ARRAY_SIZE(clients); i++) {
		client_join(&clients[i]);
		assert_int_equal(clients[i].turn, i + 1);
	}
	give(pool, lease);
}

TEST(test_a_wait_ends_in_time)
{
	struct kt_pool_lease lease, none;
	struct kt_diag diag = KT_DIAG_INIT;
	uint64_t start_ns;
	struct kt_pool *pool = pool_of(.min_ready = 1, .max_alive = 1,
				       .acquire_timeout_ns = 20 * KT_NSEC_PER_MSEC);

	wait_until(stats_of(pool).idle == 1); /* so that this one need not wait */
	lease = take(pool);
	start_ns = kt_now_ns();
	assert_int_equal(kt_pool_acquire(pool, -1, &none, &diag), KT_POOL_E_TIMEOUT);
	assert_true(kt_now_ns() - start_ns >= 20 * KT_NSEC_PER_MSEC);
	assert_string_equal(diag.cause, "1 alive: 0 idle, 1 leased, 0 being made, 0 being "
					"restored, 0 ending; 1 waiters");
	assert_int_equal(stats_of(pool).timeouts, 1);
	assert_int_equal(stats_of(pool).waiters, 0);
	give(pool, lease);
	give(pool, take(pool)); /* not lent to the one who left */
}

TEST(test_a_wait_can_be_cancelled)
{
	static struct client clients[3];
	struct kt_pool_lease lease;
	int fd = eventfd(0, EFD_CLOEXEC);
	struct kt_pool *pool = pool_of(.max_alive = 1);

	lease = take(pool);
	for (unsigned int i = 0; i < KT_ARRAY_SIZE(clients); i++) {
		clients[i] = (struct client){ .pool = pool, .cancel_fd = i == 1 ? fd : -1 };
		client_queue(&clients[i], i + 1);
	}
	assert_int_equal(eventfd_write(fd, 1), 0);
	client_join(&clients[1]);
	assert_int_equal(clients[1].result, KT_POOL_E_CANCELLED);
	assert_int_equal(stats_of(pool).cancelled, 1);
	assert_int_equal(stats_of(pool).waiters, 2);
	give(pool, lease);
	client_join(&clients[0]);
	client_join(&clients[2]);
	assert_int_equal(clients[0].result, 0);
	assert_int_equal(clients[2].result, 0);
	close(fd);
}

TEST(test_released_ones_are_restored_in_the_background)
{
	struct kt_pool_lease lease;
	static struct client client;
	struct item *item;
	struct kt_pool *pool = pool_of(.min_ready = 1, .max_alive = 1, .restore_on_release = true);

	lease = take(pool);
	item = lease.item;
	shop_set(&shop, hold_restore, true);
	give(pool, lease); /* returns although nothing is restored */
	client = (struct client){ .pool = pool, .cancel_fd = -1, .keep = true };
	client_queue(&client, 1);
	assert_int_equal(stats_of(pool).restoring, 1);
	assert_int_equal(stats_of(pool).idle, 0);
	shop_set(&shop, hold_restore, false);
	client_join(&client);
	assert_int_equal(client.result, 0);
	assert_ptr_equal(client.lease.item, item);
	assert_int_equal(item->restored, 1);
	assert_int_equal(stats_of(pool).restored, 1);
	assert_int_equal(shop_get(&shop, made), 1);
	give(pool, client.lease);
}

TEST(test_what_cannot_be_restored_is_made_anew)
{
	struct kt_pool_lease lease;
	struct kt_pool *pool;

	shop.maker.restore = NULL;
	pool = pool_of(.max_alive = 1, .restore_on_release = true);
	give(pool, take(pool));
	lease = take(pool);
	assert_int_equal(item_of(lease)->number, 2);
	assert_int_equal(shop_get(&shop, destroyed), 1);
	give(pool, lease);
}

TEST(test_without_restoring_it_is_lent_as_it_is)
{
	struct kt_pool_lease lease;
	struct kt_pool *pool = pool_of(.max_alive = 2);

	give(pool, take(pool));
	lease = take(pool);
	assert_int_equal(item_of(lease)->number, 1);
	assert_int_equal(item_of(lease)->restored, 0);
	assert_int_equal(stats_of(pool).hits, 1);
	give(pool, lease);
}

TEST(test_a_failed_restore_costs_the_item)
{
	struct kt_pool_lease lease;
	struct kt_pool *pool;

	shop.restore_fails = 1;
	pool = pool_of(.max_alive = 1, .restore_on_release = true);
	give(pool, take(pool));
	lease = take(pool);
	assert_int_equal(item_of(lease)->number, 2);
	assert_int_equal(stats_of(pool).failures, 1);
	assert_int_equal(stats_of(pool).restored, 0);
	give(pool, lease);
}

TEST(test_a_broken_one_is_not_lent_again)
{
	struct kt_pool_lease lease;
	struct kt_pool *pool = pool_of(.max_alive = 1, .restore_on_release = true);

	lease = take(pool);
	assert_int_equal(kt_pool_release(pool, &lease, true), 0);
	lease = take(pool);
	assert_int_equal(item_of(lease)->number, 2);
	assert_int_equal(shop_get(&shop, restored), 0);
	give(pool, lease);
}

TEST(test_wrong_releases_are_refused)
{
	struct kt_pool_lease lease, again, wrong;
	struct kt_pool *pool, *other;

	pool = pool_of(.max_alive = 1);
	other = pool_of(.max_alive = 1);
	lease = take(pool);
	again = take(other); /* it looks the same */
	assert_int_equal(kt_pool_release(other, &lease, false), -EINVAL);
	assert_int_equal(stats_of(other).leased, 1);
	give(other, again);
	wrong = lease;
	wrong.index = 1;
	assert_int_equal(kt_pool_release(pool, &wrong, false), -EINVAL);
	wrong = lease;
	wrong.serial++;
	assert_int_equal(kt_pool_release(pool, &wrong, false), -EINVAL);
	wrong = (struct kt_pool_lease){ .pool = pool };
	assert_int_equal(kt_pool_release(pool, &wrong, false), -EINVAL);
	assert_int_equal(stats_of(pool).leased, 1);
	give(pool, lease);
	assert_int_equal(kt_pool_release(pool, &lease, false), -EALREADY);
	again = take(pool); /* of the same item, and the old lease does not end it */
	assert_int_equal(kt_pool_release(pool, &lease, false), -EALREADY);
	assert_int_equal(stats_of(pool).leased, 1);
	give(pool, again);
}

/* Time passes: waits in vain for an item of a pool that has lent its only one. */
static void let_pass(uint64_t ns)
{
	struct kt_pool_lease lease, none;
	struct shop other;
	struct kt_pool *pool;

	shop_open(&other, 0);
	pool = shop_pool(&other,
			 (struct kt_pool_config){ .max_alive = 1, .acquire_timeout_ns = ns });
	wait_until(!kt_pool_acquire(pool, -1, &lease, NULL));
	assert_int_equal(kt_pool_acquire(pool, -1, &none, NULL), KT_POOL_E_TIMEOUT);
	give(pool, lease);
	shop_close(&other);
}

TEST(test_idle_ones_beyond_the_minimum_end)
{
	struct kt_pool_lease leases[4];
	struct kt_pool *pool =
		pool_of(.min_ready = 1, .max_alive = 4, .evict_after_ns = KT_NSEC_PER_MSEC);

	for (unsigned int i = 0; i < 4; i++)
		leases[i] = take(pool);
	let_pass(20 * KT_NSEC_PER_MSEC); /* leased ones do not grow old */
	assert_int_equal(stats_of(pool).evictions, 0);
	for (unsigned int i = 0; i < 4; i++)
		give(pool, leases[i]);
	wait_until(stats_of(pool).alive == 1);
	let_pass(20 * KT_NSEC_PER_MSEC);
	assert_int_equal(stats_of(pool).evictions, 3);
	assert_int_equal(stats_of(pool).idle, 1);
	leases[0] = take(pool); /* the last to be given back is the youngest */
	assert_ptr_equal(leases[0].item, leases[3].item);
	give(pool, leases[0]);
}

TEST(test_the_minimum_can_be_changed)
{
	struct kt_pool *pool =
		pool_of(.min_ready = 1, .max_alive = 3, .evict_after_ns = KT_NSEC_PER_MSEC);

	wait_until(stats_of(pool).idle == 1);
	kt_pool_set_min_ready(pool, 3);
	wait_until(stats_of(pool).idle == 3);
	kt_pool_set_min_ready(pool, 0);
	wait_until(stats_of(pool).alive == 0);
	assert_int_equal(stats_of(pool).evictions, 3);
	kt_pool_set_min_ready(pool, 1000); /* no more than can be alive */
	wait_until(stats_of(pool).idle == 3);
	assert_int_equal(shop_get(&shop, made), 6);
}

TEST(test_a_failing_maker_is_told_to_those_who_wait)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_pool_lease lease;
	struct kt_pool *pool;

	narrow_gate(1);
	shop.make_fails = 2 * KT_POOL_FAILURES_MAX;
	pool = pool_of(.max_alive = 4);
	assert_int_equal(kt_pool_acquire(pool, -1, &lease, &diag), KT_POOL_E_MAKE);
	assert_string_equal(diag.cause, "the shop is out of wood");
	assert_int_equal(shop_get(&shop, make_calls), KT_POOL_FAILURES_MAX);
	assert_int_equal(stats_of(pool).failures, KT_POOL_FAILURES_MAX);
	/* Each further one fails by itself, until making works again. */
	for (unsigned int i = 0; i < KT_POOL_FAILURES_MAX; i++)
		assert_int_equal(kt_pool_acquire(pool, -1, &lease, NULL), KT_POOL_E_MAKE);
	give(pool, take(pool));
	assert_int_equal(shop_get(&shop, make_calls), 2 * KT_POOL_FAILURES_MAX + 1);
	/* Forgotten: again it takes some failures in a row. */
	shop_set(&shop, make_fails, KT_POOL_FAILURES_MAX - 1);
	lease = take(pool);
	give(pool, take(pool));
	give(pool, lease);
}

TEST(test_a_failing_maker_is_not_asked_all_the_time)
{
	struct kt_pool *pool;

	shop.make_fails = UINT32_MAX;
	pool = pool_of(.min_ready = 1, .max_alive = 1);
	wait_until(shop_get(&shop, make_calls) >= 2);
	let_pass(100 * KT_NSEC_PER_MSEC);
	/* After 10, 20, 40, ... ms; the host may be slow, never fast. */
	assert_in_range(shop_get(&shop, make_calls), 2, 20);
	shop_set(&shop, make_fails, 0);
	wait_until(stats_of(pool).idle == 1);
}

TEST(test_freeing_turns_waiters_away)
{
	static struct client client;
	struct kt_pool *pool = pool_of(.max_alive = 1, .restore_on_release = true);

	take(pool);
	client = (struct client){ .pool = pool, .cancel_fd = -1 };
	client_queue(&client, 1);
	free_pools(&shop);
	client_join(&client);
	assert_int_equal(client.result, KT_POOL_E_CLOSED);
	assert_int_equal(shop_get(&shop, restored), 0);
	assert_int_equal(shop_get(&shop, made), shop_get(&shop, destroyed));
}

static bool is_closing(struct kt_pool *pool)
{
	bool closing;

	pthread_mutex_lock(&pool->lock);
	closing = pool->closing;
	pthread_mutex_unlock(&pool->lock);
	return closing;
}

static void *run_free_pools(void *arg)
{
	free_pools(arg);
	return NULL;
}

TEST(test_what_is_made_while_it_closes_ends)
{
	pthread_t thread;
	struct kt_pool *pool;

	narrow_gate(1);
	shop.hold_make = true;
	pool = pool_of(.min_ready = 3, .max_alive = 3);
	wait_until(shop_get(&shop, at_work) == 1);
	assert_int_equal(pthread_create(&thread, NULL, run_free_pools, &shop), 0);
	wait_until(is_closing(pool));
	shop_set(&shop, hold_make, false);
	pthread_join(thread, NULL);
	/* Those that were at the gate were not made at all. */
	assert_int_equal(shop_get(&shop, made), 1);
	assert_int_equal(shop_get(&shop, destroyed), 1);
}

TEST(test_freeing_takes_what_is_leased)
{
	struct kt_pool *pool = pool_of(.max_alive = 2);

	take(pool);
	take(pool);
	free_pools(&shop);
	assert_int_equal(shop.destroyed, 2);
}

/* ---- items that are processes ---- */

static int spawn_item(void *arg, void **ret_item, struct kt_diag *diag)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct kt_process *process = calloc(1, sizeof(*process));

	assert_int_equal(kt_process_spawn(process, &(struct kt_process_spec){ .argv = argv,
									      .stdin_fd = -1,
									      .stdout_fd = -1,
									      .stderr_fd = -1 }),
			 0);
	*ret_item = process;
	return 0;
}

static void kill_item(void *arg, void *item)
{
	kt_process_kill(item);
	free(item);
}

static bool has_ended(const struct kt_process *process, int timeout_ms)
{
	struct pollfd fd = { .fd = process->pidfd, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

/* Children die with the thread that forked them; those of the pool must not. */
TEST(test_items_outlive_their_making)
{
	struct kt_pool_lease leases[3];
	_cleanup_(kt_pool_gate_deinit) struct kt_pool_gate gate;
	struct kt_pool *pool;
	pid_t pids[3];

	kt_pool_gate_init(&gate, 0);
	assert_int_equal(
		kt_pool_new(&pool,
			    &(struct kt_pool_maker){ .make = spawn_item, .destroy = kill_item },
			    &(struct kt_pool_config){ .max_alive = 3, .gate = &gate }),
		0);
	for (unsigned int i = 0; i < 3; i++)
		leases[i] = take(pool);
	for (unsigned int i = 0; i < 3; i++) {
		const struct kt_process *process = leases[i].item;

		assert_false(has_ended(process, 20));
		pids[i] = process->pid;
		give(pool, leases[i]);
	}
	kt_pool_free(pool);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(kill(pids[i], 0) && errno == ESRCH);
}
