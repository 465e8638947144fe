/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket pairs to a child: backpressure, the bound, draining and ends. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/test.h"
#include "vmm/qemu/link.h"

enum { OUT_MAX = 1 << 20 };

static struct kt_loop *loop;
static struct kt_link link_;
static int peer;
static struct kt_buf heard;
static unsigned int eofs, faults;
static bool done;

static void on_data(void *arg, const void *data, size_t len)
{
	assert_int_equal(kt_buf_append(&heard, data, len), 0);
	done = heard.len >= *(size_t *)arg;
}

static void on_eof(void *arg)
{
	eofs++;
	done = true;
}

static void on_fault(void *arg, int error)
{
	faults++;
}

static const struct kt_link_handlers handlers = { .on_data = on_data,
						  .on_eof = on_eof,
						  .on_fault = on_fault };
static size_t wanted;

static void make(void)
{
	heard = KT_BUF_INIT(0);
	eofs = faults = 0;
	done = false;
	assert_int_equal(kt_loop_new(&loop, NULL), 0);
	assert_int_equal(kt_link_init(&link_, loop, OUT_MAX, &handlers, &wanted, &peer), 0);
}

static void unmake(void)
{
	kt_link_deinit(&link_);
	kt_link_deinit(&link_); /* again: nothing to do */
	if (peer >= 0)
		close(peer);
	kt_buf_deinit(&heard);
	loop = kt_loop_free(loop);
	assert_false(faults);
}

AROUND_EACH(make, unmake);

static int run(void)
{
	return kt_loop_run(loop, &done, kt_now_ns() + 10 * KT_NSEC_PER_SEC);
}

TEST(test_delivers)
{
	wanted = 5;
	assert_int_equal(write(peer, "hello", 5), 5);
	assert_int_equal(run(), 0);
	assert_string_equal(kt_buf_str(&heard), "hello");
	assert_int_equal(link_.received, 5);
}

TEST(test_drains_without_the_loop)
{
	static const uint8_t chunk[100000];

	wanted = SIZE_MAX;
	assert_int_equal(write(peer, chunk, sizeof(chunk)), sizeof(chunk));
	kt_link_drain(&link_);
	assert_int_equal(heard.len, sizeof(chunk));
	kt_link_drain(&link_); /* nothing there: does not wait */
	assert_int_equal(eofs, 0);
	close(peer);
	peer = -1;
	kt_link_drain(&link_);
	kt_link_drain(&link_);
	assert_int_equal(eofs, 1);
}

TEST(test_end_comes_after_the_bytes)
{
	wanted = SIZE_MAX;
	assert_int_equal(write(peer, "bye", 3), 3);
	close(peer);
	peer = -1;
	assert_int_equal(run(), 0);
	assert_string_equal(kt_buf_str(&heard), "bye");
	assert_int_equal(eofs, 1);
	/* What can no longer be taken is dropped without a fault. */
	assert_int_equal(kt_link_send(&link_, "x", 1), 0);
}

/* Reads len bytes at the peer, while the loop sends; checks that they count up. */
static void read_counted(size_t len)
{
	uint8_t buf[4096];
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = recv(peer, buf, sizeof(buf), MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], (uint8_t)((got + (size_t)i) % 251));
		got += n > 0 ? (size_t)n : 0;
		done = false;
		assert_int_equal(kt_loop_run(loop, &done, kt_now_ns() + (n > 0 ? 0 : 1000000)),
				 KT_LOOP_E_DEADLINE);
	}
	assert_int_equal(got, len);
}

TEST(test_waits_for_a_slow_reader)
{
	uint8_t *data = malloc(OUT_MAX);

	for (size_t i = 0; i < OUT_MAX; i++)
		data[i] = (uint8_t)(i % 251);
	assert_int_equal(kt_link_send(&link_, data, OUT_MAX), 0);
	/* The socket took a part of it; what is left still counts against the bound. */
	assert_true(link_.out.len > 0 && link_.out.len < OUT_MAX);
	assert_int_equal(kt_link_send(&link_, data, OUT_MAX), -ENOBUFS);
	read_counted(OUT_MAX);
	assert_int_equal(link_.out.len, 0);
	assert_null(link_.writable);
	assert_int_equal(kt_link_send(&link_, data, OUT_MAX), 0);
	free(data);
}

TEST(test_peer_dies_while_bytes_wait)
{
	uint8_t *data = calloc(1, OUT_MAX);

	wanted = SIZE_MAX;
	assert_int_equal(kt_link_send(&link_, data, OUT_MAX), 0);
	close(peer);
	peer = -1;
	assert_int_equal(run(), 0);
	assert_int_equal(eofs, 1);
	assert_int_equal(link_.out.len, 0);
	free(data);
}
