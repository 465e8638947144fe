/* SPDX-License-Identifier: GPL-2.0-only */
/* What pools share, the gate and the memory; and many users of one pool. */
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "tests/unit/pool-shop.h"

#define MIB (UINT64_C(1) << 20)

/* ---- the gate ---- */

TEST(test_all_pools_go_through_the_gate)
{
	struct kt_pool *pools[3];

	narrow_gate(2);
	shop.hold_make = true;
	for (unsigned int i = 0; i < 3; i++)
		pools[i] = pool_of(.min_ready = 4, .max_alive = 4, .restore_on_release = true);
	wait_until(shop_get(&shop, at_work) == 2);
	for (unsigned int i = 0; i < 3; i++)
		wait_until(stats_of(pools[i]).making >= 1);
	shop_set(&shop, hold_make, false);
	for (unsigned int i = 0; i < 3; i++)
		wait_until(stats_of(pools[i]).idle == 4);
	for (unsigned int i = 0; i < 3; i++) {
		give(pools[i], take(pools[i]));
		give(pools[i], take(pools[i]));
	}
	free_pools(&shop);
	assert_int_equal(shop.at_work_peak, 2);
}

static bool has_queue(struct kt_pool_gate *gate)
{
	bool queue;

	pthread_mutex_lock(&gate->lock);
	queue = !TAILQ_EMPTY(&gate->passes);
	pthread_mutex_unlock(&gate->lock);
	return queue;
}

/* Makes are held, so that the restores of another pool have to wait, too. */
TEST(test_restores_go_through_the_gate)
{
	struct kt_pool *pools[2];
	struct kt_pool_lease lease;

	narrow_gate(1);
	pools[0] = pool_of(.max_alive = 1, .restore_on_release = true);
	lease = take(pools[0]);
	shop_set(&shop, hold_make, true);
	pools[1] = pool_of(.min_ready = 1, .max_alive = 1);
	wait_until(shop_get(&shop, at_work) == 1);
	give(pools[0], lease);
	wait_until(has_queue(&shop.gate));
	assert_int_equal(stats_of(pools[0]).restoring, 1);
	assert_int_equal(shop_get(&shop, restored), 0);
	shop_set(&shop, hold_make, false);
	wait_until(stats_of(pools[0]).idle == 1);
	free_pools(&shop);
	assert_int_equal(shop.at_work_peak, 1);
}

struct visitor {
	struct kt_pool_gate *gate;
	struct kt_pool_pass pass;
	pthread_t thread;
	atomic_uint *turns;
	unsigned int turn;
	int result;
};

static void *visit(void *arg)
{
	struct visitor *visitor = arg;

	visitor->result = kt_pool_gate_enter(visitor->gate, &visitor->pass);
	if (visitor->result)
		return NULL;
	visitor->turn = atomic_fetch_add(visitor->turns, 1) + 1;
	kt_pool_gate_leave(visitor->gate);
	return NULL;
}

static bool is_last(struct visitor *visitor)
{
	bool last;

	pthread_mutex_lock(&visitor->gate->lock);
	last = TAILQ_LAST(&visitor->gate->passes, kt_pool_passes) == &visitor->pass;
	pthread_mutex_unlock(&visitor->gate->lock);
	return last;
}

TEST(test_the_gate_keeps_the_order)
{
	static const unsigned int turns_due[] = { 1, 2, 0, 3 };
	struct visitor visitors[4];
	struct kt_pool_pass first = { 0 };
	_cleanup_(kt_pool_gate_deinit) struct kt_pool_gate gate;
	atomic_uint turns = 0;

	kt_pool_gate_init(&gate, 1);
	assert_int_equal(kt_pool_gate_enter(&gate, &first), 0);
	for (unsigned int i = 0; i < 4; i++) {
		visitors[i] = (struct visitor){ .gate = &gate, .turns = &turns };
		assert_int_equal(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
		wait_until(is_last(&visitors[i]));
	}
	kt_pool_gate_abandon(&gate, &visitors[2].pass);
	pthread_join(visitors[2].thread, NULL);
	assert_int_equal(visitors[2].result, KT_POOL_GATE_E_ABANDONED);
	kt_pool_gate_leave(&gate);
	for (unsigned int i = 0; i < 4; i++) {
		if (i != 2)
			pthread_join(visitors[i].thread, NULL);
		assert_int_equal(visitors[i].turn, turns_due[i]);
	}
	/* An abandoned pass is of no use later either. */
	assert_int_equal(kt_pool_gate_enter(&gate, &visitors[2].pass), KT_POOL_GATE_E_ABANDONED);
	assert_int_equal(gate.taken, 0);
}

TEST(test_the_gate_has_a_place_for_each_cpu)
{
	_cleanup_(kt_pool_gate_deinit) struct kt_pool_gate gate;

	kt_pool_gate_init(&gate, 0);
	assert_int_equal(gate.slots, kt_pool_gate_cpus());
	assert_true(gate.slots >= 1);
}

/* ---- memory ---- */

static struct kt_pool *pool_with_memory(unsigned int min, unsigned int max)
{
	return pool_of(.min_ready = min, .max_alive = max, .memory = &shop.memory);
}

TEST(test_what_can_never_fit_is_refused_at_once)
{
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_pool_lease none;
	struct kt_pool *pool;

	shop.host_bytes = 1024 * MIB;
	shop.maker.bytes_each = 1024 * MIB;
	pool = pool_with_memory(0, 2);
	assert_int_equal(kt_pool_acquire(pool, -1, &none, &diag), KT_POOL_E_CAPACITY);
	assert_string_equal(diag.cause,
			    "requested 1073741824 bytes, available 805306368 (the host has "
			    "1073741824; 0 are promised to other machines, 268435456 are kept "
			    "free)");
	assert_int_equal(shop_get(&shop, make_calls), 0);
	assert_true(stats_of(pool).refusals >= 1);
	assert_int_equal(stats_of(pool).failures, 0);
	shop.host_bytes = 1280 * MIB; /* exactly enough */
	give(pool, take(pool));
}

TEST(test_what_can_be_released_is_waited_for)
{
	struct kt_pool_lease lease;
	static struct client client;
	struct kt_pool *pool;

	shop.host_bytes = 1000 * MIB;
	shop.maker.bytes_each = 700 * MIB;
	pool = pool_with_memory(0, 2);
	lease = take(pool);
	client = (struct client){ .pool = pool, .cancel_fd = -1 };
	client_queue(&client, 1);
	wait_until(stats_of(pool).refusals >= 2);
	assert_int_equal(stats_of(pool).waiters, 1);
	give(pool, lease);
	client_join(&client);
	assert_int_equal(client.result, 0);
	assert_ptr_equal(client.lease.item, lease.item);
	assert_int_equal(shop_get(&shop, make_calls), 1);
}

/* The other pool's machine is used, so its memory may come back. */
TEST(test_pools_share_the_memory)
{
	struct kt_pool_lease lease;
	static struct client client;
	struct kt_pool *one, *other;

	shop.host_bytes = 1000 * MIB;
	shop.maker.bytes_each = 700 * MIB;
	one = pool_with_memory(0, 1);
	other = pool_with_memory(0, 1);
	lease = take(one);
	client = (struct client){ .pool = other, .cancel_fd = -1, .keep = true };
	client_queue(&client, 1);
	wait_until(stats_of(other).refusals >= 2);
	assert_int_equal(kt_pool_release(one, &lease, true), 0);
	client_join(&client);
	assert_int_equal(client.result, 0);
	give(other, client.lease);
}

/* It goes to who needs it, and is not taken back as long as that one does. */
TEST(test_idle_memory_is_given_to_who_waits)
{
	struct kt_pool_lease leases[2];
	struct kt_pool *idle, *needy;

	shop.host_bytes = 1000 * MIB;
	shop.maker.bytes_each = 300 * MIB;
	idle = pool_with_memory(2, 2);
	wait_until(stats_of(idle).idle == 2);
	needy = pool_with_memory(0, 2);
	leases[0] = take(needy);
	assert_int_equal(stats_of(idle).evictions, 1);
	leases[1] = take(needy);
	assert_int_equal(stats_of(idle).evictions, 2);
	assert_int_equal(stats_of(idle).idle, 0);
	assert_int_equal(kt_pool_release(needy, &leases[0], true), 0);
	wait_until(stats_of(idle).idle == 1);
	give(needy, leases[1]);
}

/* Memory that is used comes back when its machine is gone, and not before. */
TEST(test_no_more_is_ended_than_is_needed)
{
	struct kt_pool *idle, *needy;
	static struct client client;

	shop.memory.reserve_bytes = 0;
	shop.host_bytes = 900 * MIB;
	shop.maker.bytes_each = 300 * MIB;
	shop.maker.used = shop_used;
	idle = pool_with_memory(3, 3);
	wait_until(stats_of(idle).idle == 3);
	shop.used_each = 300 * MIB;
	shop.host_bytes = 0;
	shop_set(&shop, hold_destroy, true);
	needy = pool_with_memory(0, 1);
	client = (struct client){ .pool = needy, .cancel_fd = -1 };
	client_queue(&client, 1);
	wait_until(stats_of(needy).refusals >= 3);
	assert_int_equal(stats_of(idle).evictions, 1);
	shop_set(&shop, hold_destroy, false);
	shop.host_bytes = 300 * MIB;
	client_join(&client);
	assert_int_equal(client.result, 0);
}

/* A refill gets nothing while somebody waits for more than there is. */
TEST(test_who_waits_goes_before_refills)
{
	struct kt_pool_promise big = { .bytes = 900 * MIB }, small = { .bytes = 100 * MIB };
	struct kt_pool_promise used = { .bytes = 400 * MIB };
	struct kt_diag diag = KT_DIAG_INIT;

	shop.memory.reserve_bytes = 0;
	shop.host_bytes = 1000 * MIB;
	assert_int_equal(kt_pool_memory_ask(&shop.memory, &used, true, &diag), 0);
	shop.memory.hungry_until_ns = 0;
	assert_int_equal(kt_pool_memory_ask(&shop.memory, &big, false, &diag),
			 KT_POOL_MEMORY_E_LATER);
	assert_int_equal(shop.memory.hungry_until_ns, 0);
	assert_int_equal(kt_pool_memory_ask(&shop.memory, &big, true, &diag),
			 KT_POOL_MEMORY_E_LATER);
	assert_true(shop.memory.hungry_until_ns > kt_now_ns());
	shop.memory.hungry_until_ns = UINT64_MAX; /* asks again and again */
	assert_int_equal(kt_pool_memory_ask(&shop.memory, &small, false, &diag),
			 KT_POOL_MEMORY_E_LATER);
	shop.memory.hungry_until_ns = kt_now_ns(); /* has given up */
	assert_int_equal(kt_pool_memory_ask(&shop.memory, &small, false, &diag), 0);
	kt_pool_memory_drop(&shop.memory, &used);
	kt_pool_memory_drop(&shop.memory, &small);
}

TEST(test_only_unused_promises_count)
{
	static struct client client;
	struct kt_pool_lease leases[3];
	struct kt_pool *pool;

	shop.memory.reserve_bytes = 0;
	shop.host_bytes = 1000 * MIB;
	shop.maker.bytes_each = 400 * MIB;
	shop.maker.used = shop_used;
	pool = pool_with_memory(0, 3);
	leases[0] = take(pool);
	leases[1] = take(pool);
	client = (struct client){ .pool = pool, .cancel_fd = -1, .keep = true };
	client_queue(&client, 1);
	wait_until(stats_of(pool).refusals >= 1); /* 200 are left */
	assert_int_equal(stats_of(pool).alive - stats_of(pool).making, 2);
	/* They used 300 each, of a host that had more than it seemed. */
	shop.host_bytes = 600 * MIB;
	shop.used_each = 300 * MIB;
	client_join(&client);
	assert_int_equal(client.result, 0);
	leases[2] = client.lease;
	for (unsigned int i = 0; i < 3; i++)
		give(pool, leases[i]);
}

TEST(test_a_refill_without_memory_waits_quietly)
{
	struct kt_pool *pool;

	shop.host_bytes = 1000 * MIB;
	shop.maker.bytes_each = 400 * MIB;
	pool = pool_with_memory(3, 3);
	wait_until(stats_of(pool).refusals >= 2);
	wait_until(stats_of(pool).idle == 1);
	shop.host_bytes = 2000 * MIB; /* somebody else has freed some */
	wait_until(stats_of(pool).idle == 3);
}

TEST(test_this_host_has_memory)
{
	uint64_t bytes = 0;

	assert_int_equal(kt_pool_mem_available(NULL, &bytes), 0);
	assert_in_range(bytes, MIB, UINT64_C(1) << 50);
}

TEST(test_outcomes)
{
	assert_int_equal(kt_pool_outcome(KT_POOL_E_CAPACITY), KT_OUTCOME_CAPACITY);
	assert_string_equal(kt_outcome_name(KT_OUTCOME_CAPACITY), "capacity");
	assert_int_equal(kt_pool_outcome(KT_POOL_E_CANCELLED), KT_OUTCOME_CANCELLED);
	assert_int_equal(kt_pool_outcome(KT_POOL_E_MAKE), KT_OUTCOME_VMM_ERROR);
	assert_int_equal(kt_pool_outcome(KT_POOL_E_TIMEOUT), KT_OUTCOME_HOST_ERROR);
	assert_int_equal(kt_pool_outcome(-EIO), KT_OUTCOME_HOST_ERROR);
}

/* ---- many users ---- */

#define USERS  8
#define ROUNDS 200
#define ITEMS  3

struct user {
	struct kt_pool *pool;
	struct shop *shop;
	pthread_t thread;
	unsigned int number;
	unsigned int served, gave_up;
	bool shared; /* an item was not its alone */
};

static void use(struct user *user, struct kt_pool_lease lease, unsigned int round)
{
	struct item *item = lease.item;

	user->served++;
	user->shared |= atomic_fetch_add(&item->users, 1) != 0;
	sched_yield();
	user->shared |= atomic_fetch_sub(&item->users, 1) != 1;
	assert_int_equal(kt_pool_release(user->pool, &lease, round % 7 == 0), 0);
	/* In vain; whose it is meanwhile is not disturbed. */
	assert_int_equal(kt_pool_release(user->pool, &lease, false), -EALREADY);
}

static void *use_often(void *arg)
{
	struct user *user = arg;
	struct kt_pool_lease lease;
	int cancelled = eventfd(1, EFD_CLOEXEC); /* gives up unless served at once */

	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int round = i * USERS + user->number;
		int r;

		if (round % 31 == 0)
			shop_set(user->shop, make_fails, 1);
		if (round % 17 == 0)
			shop_set(user->shop, restore_fails, 1);
		r = kt_pool_acquire(user->pool, round % 5 ? -1 : cancelled, &lease, NULL);
		if (!r)
			use(user, lease, round);
		else
			user->gave_up++;
	}
	close(cancelled);
	return NULL;
}

TEST(test_many_users)
{
	struct user users[USERS];
	unsigned int served = 0, gave_up = 0;
	struct kt_pool_stats stats;
	struct kt_pool *pool = pool_of(.min_ready = 1, .max_alive = ITEMS, .evict_after_ns = 100000,
				       .restore_on_release = true, .memory = &shop.memory);

	shop.host_bytes = 1024 * MIB;
	for (unsigned int i = 0; i < USERS; i++) {
		users[i] = (struct user){ .pool = pool, .shop = &shop, .number = i };
		assert_int_equal(pthread_create(&users[i].thread, NULL, use_often, &users[i]), 0);
	}
	for (unsigned int i = 0; i < USERS; i++) {
		pthread_join(users[i].thread, NULL);
		assert_false(users[i].shared);
		served += users[i].served;
		gave_up += users[i].gave_up;
	}
	stats = stats_of(pool);
	assert_int_equal(served + gave_up, USERS * ROUNDS);
	assert_int_equal(stats.acquires, USERS * ROUNDS);
	assert_true(stats.hits <= served);
	assert_int_equal(stats.leased, 0);
	assert_int_equal(stats.waiters, 0);
	assert_true(served > USERS * ROUNDS / 2);
	assert_in_range(shop_get(&shop, alive_peak), 1, ITEMS);
	shop_set(&shop, make_fails, 0);
}
