/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes on their way to the loop: in order, all of them, and bounded. */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/kvm/device/outbox.h"

#define PIECE 4096u

static bool is_readable(const struct kt_outbox *outbox)
{
	struct pollfd poller = { .fd = outbox->fd, .events = POLLIN };

	return poll(&poller, 1, 0) == 1;
}

static size_t take_all(struct kt_outbox *outbox, struct kt_buf *all)
{
	struct kt_buf some = KT_BUF_INIT(0);
	size_t len;

	assert_int_equal(kt_outbox_take(outbox, &some), 0);
	len = some.len;
	assert_int_equal(kt_buf_append(all, some.data, some.len), 0);
	kt_buf_deinit(&some);
	return len;
}

static void test_in_order(void **state)
{
	struct kt_buf all = KT_BUF_INIT(0);
	struct kt_outbox outbox;

	assert_int_equal(kt_outbox_init(&outbox), 0);
	assert_false(is_readable(&outbox));
	kt_outbox_put(&outbox, "ab", 2);
	kt_outbox_put(&outbox, "c", 1);
	assert_true(is_readable(&outbox));
	assert_int_equal(take_all(&outbox, &all), 3);
	assert_false(is_readable(&outbox));
	kt_outbox_put(&outbox, "d", 1);
	assert_true(is_readable(&outbox));
	take_all(&outbox, &all);
	assert_string_equal(kt_buf_str(&all), "abcd");
	kt_buf_deinit(&all);
	kt_outbox_deinit(&outbox);
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

static size_t length(struct kt_outbox *outbox)
{
	size_t len;

	pthread_mutex_lock(&outbox->lock);
	len = outbox->buf.len;
	pthread_mutex_unlock(&outbox->lock);
	return len;
}

static void test_who_puts_too_much_waits(void **state)
{
	struct kt_buf all = KT_BUF_INIT(0);
	struct kt_outbox outbox;
	pthread_t thread;

	assert_int_equal(kt_outbox_init(&outbox), 0);
	assert_int_equal(pthread_create(&thread, NULL, put_much, &outbox), 0);
	while (all.len < 4 * KT_OUTBOX_MAX) {
		while (length(&outbox) < KT_OUTBOX_MAX)
			sched_yield();
		/* It is full, and stays so. */
		assert_int_equal(length(&outbox), KT_OUTBOX_MAX);
		take_all(&outbox, &all);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(all.len, 4 * KT_OUTBOX_MAX);
	for (size_t i = 0; i < all.len; i++)
		assert_int_equal(all.data[i], i / PIECE % 251);
	kt_buf_deinit(&all);
	kt_outbox_deinit(&outbox);
}

/* The loop's thread may be the one that puts: it takes what is there only later. */
static void test_putting_never_waits(void **state)
{
	static const uint8_t much[2 * KT_OUTBOX_MAX];
	struct kt_buf all = KT_BUF_INIT(0);
	struct kt_outbox outbox;

	assert_int_equal(kt_outbox_init(&outbox), 0);
	for (unsigned int i = 0; i < 2; i++)
		kt_outbox_put(&outbox, much, sizeof(much));
	assert_int_equal(take_all(&outbox, &all), 2 * sizeof(much));
	kt_outbox_wait_room(&outbox);
	kt_buf_deinit(&all);
	kt_outbox_deinit(&outbox);
}

static void test_in_a_hurry_nobody_waits(void **state)
{
	struct kt_buf all = KT_BUF_INIT(0);
	struct kt_outbox outbox;
	pthread_t thread;

	assert_int_equal(kt_outbox_init(&outbox), 0);
	assert_int_equal(pthread_create(&thread, NULL, put_much, &outbox), 0);
	while (length(&outbox) < KT_OUTBOX_MAX)
		sched_yield();
	kt_outbox_hurry(&outbox, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(take_all(&outbox, &all), 4 * KT_OUTBOX_MAX);
	kt_buf_deinit(&all);
	kt_outbox_deinit(&outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_who_puts_too_much_waits),
		cmocka_unit_test(test_putting_never_waits),
		cmocka_unit_test(test_in_a_hurry_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
