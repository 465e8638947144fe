/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes on their way to the loop: in order, all of them, and bounded. */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/kvm/device/outbox.h"

#define PIECE 4096u

static struct kt_outbox outbox;
static struct kt_buf all; /* that was taken */

static void setup(void)
{
	all = KT_BUF_INIT(0);
	assert_int_equal(kt_outbox_init(&outbox), 0);
}

static void teardown(void)
{
	kt_outbox_deinit(&outbox);
	kt_buf_deinit(&all);
}

AROUND_EACH(setup, teardown);

static bool is_readable(void)
{
	struct pollfd poller = { .fd = outbox.fd, .events = POLLIN };

	return poll(&poller, 1, 0) == 1;
}

static size_t take_all(void)
{
	_cleanup_(kt_buf_deinit) struct kt_buf some = KT_BUF_INIT(0);

	assert_int_equal(kt_outbox_take(&outbox, &some), 0);
	assert_int_equal(kt_buf_append(&all, some.data, some.len), 0);
	return some.len;
}

TEST(test_in_order)
{
	assert_false(is_readable());
	kt_outbox_put(&outbox, "ab", 2);
	kt_outbox_put(&outbox, "c", 1);
	assert_true(is_readable());
	assert_int_equal(take_all(), 3);
	assert_false(is_readable());
	kt_outbox_put(&outbox, "d", 1);
	assert_true(is_readable());
	take_all();
	assert_string_equal(kt_buf_str(&all), "abcd");
}

/* Puts four times what fits, each piece with its number. */
static void *put_much(void *arg)
{
	uint8_t piece[PIECE];

	for (unsigned int i = 0; i < 4 * KT_OUTBOX_MAX / PIECE; i++) {
		memset(piece, (int)(i % 251), sizeof(piece));
		kt_outbox_put(arg, piece, sizeof(piece));
		kt_outbox_wait_room(arg);
	}
	return NULL;
}

static size_t length(void)
{
	size_t len;

	pthread_mutex_lock(&outbox.lock);
	len = outbox.buf.len;
	pthread_mutex_unlock(&outbox.lock);
	return len;
}

TEST(test_who_puts_too_much_waits)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, put_much, &outbox), 0);
	while (all.len < 4 * KT_OUTBOX_MAX) {
		while (length() < KT_OUTBOX_MAX)
			sched_yield();
		/* It is full, and stays so. */
		assert_int_equal(length(), KT_OUTBOX_MAX);
		take_all();
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(all.len, 4 * KT_OUTBOX_MAX);
	for (size_t i = 0; i < all.len; i++)
		assert_int_equal(all.data[i], i / PIECE % 251);
}

/* The loop's thread may be the one that puts: it takes what is there only later. */
TEST(test_putting_never_waits)
{
	static const uint8_t much[2 * KT_OUTBOX_MAX];

	for (unsigned int i = 0; i < 2; i++)
		kt_outbox_put(&outbox, much, sizeof(much));
	assert_int_equal(take_all(), 2 * sizeof(much));
	kt_outbox_wait_room(&outbox);
}

TEST(test_in_a_hurry_nobody_waits)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, put_much, &outbox), 0);
	while (length() < KT_OUTBOX_MAX)
		sched_yield();
	kt_outbox_hurry(&outbox, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(take_all(), 4 * KT_OUTBOX_MAX);
}
