/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's end of the control channel, with a guest that is played here. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "machine/agent.h"
#include "tests/unit/test.h"

/* What the guest gets, and what it says. */
static struct guest {
	struct kt_agent agent;
	struct kt_frame_decoder decoder;
	uint32_t seq;
	int refuse; /* what sending is to come to */
	unsigned int messages;
	struct kt_msg last;
} g;

static int on_send(void *arg, const void *data, size_t len)
{
	if (g.refuse)
		return g.refuse;
	assert_int_equal(kt_frame_decoder_feed(&g.decoder, data, len), 0);
	return 0;
}

static void on_message(void *arg, const struct kt_msg *msg)
{
	g.messages++;
	g.last = *msg;
}

static const struct kt_agent_handlers handlers = { on_send, on_message };

static void setup(void)
{
	memset(&g, 0, sizeof(g));
	kt_agent_init(&g.agent, &handlers, NULL);
	kt_frame_decoder_init(&g.decoder);
	g.decoder.anew = KT_MSG_CLONE;
}

static void teardown(void)
{
	kt_agent_deinit(&g.agent);
	kt_frame_decoder_deinit(&g.decoder);
}

AROUND_EACH(setup, teardown);

/* The guest takes the next message; false if there is none. */
static bool taken(struct kt_msg *ret_msg)
{
	struct kt_frame frame;
	int r = kt_frame_decoder_next(&g.decoder, &frame);

	if (r == KT_FRAME_E_MORE)
		return false;
	assert_int_equal(r, 0);
	assert_int_equal(kt_msg_decode(ret_msg, frame.type, frame.payload, frame.len), 0);
	return true;
}

static int says(const struct kt_msg *msg)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);

	assert_int_equal(kt_msg_frame(&out, &g.seq, msg), 0);
	return kt_agent_receive(&g.agent, out.data, out.len);
}

static int says_staged(uint64_t bytes)
{
	const struct kt_msg msg = { .type = KT_MSG_STAGED, .staged.bytes = bytes };

	return says(&msg);
}

TEST(test_messages_go_both_ways)
{
	struct kt_msg hello = { .type = KT_MSG_HELLO, .hello.cpus = 3 }, msg;
	const struct kt_msg stop = { .type = KT_MSG_STOP, .stop.reason = 2 };

	assert_false(g.agent.ready);
	assert_int_equal(says(&hello), 0);
	assert_true(g.agent.ready);
	assert_int_equal(g.messages, 1);
	assert_int_equal(g.last.hello.cpus, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kt_agent_send(&g.agent, &stop), 0);
		assert_true(taken(&msg));
		assert_int_equal(msg.stop.reason, 2);
	}
	g.refuse = -EPIPE;
	assert_int_equal(kt_agent_send(&g.agent, &stop), -EPIPE);
}

TEST(test_byte_by_byte)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);
	const struct kt_msg msg = { .type = KT_MSG_HEARTBEAT, .heartbeat.time_ns = 9 };

	for (int i = 0; i < 3; i++)
		assert_int_equal(kt_msg_frame(&out, &g.seq, &msg), 0);
	for (size_t i = 0; i < out.len; i++)
		assert_int_equal(kt_agent_receive(&g.agent, out.data + i, 1), 0);
	assert_int_equal(g.messages, 3);
}

static void check_lost(int r, const char *why)
{
	const struct kt_msg msg = { .type = KT_MSG_HEARTBEAT };
	unsigned int messages = g.messages;

	assert_int_equal(r, KT_AGENT_E_LOST);
	assert_contains(g.agent.why, why);
	assert_int_equal(says(&msg), KT_AGENT_E_LOST);
	assert_int_equal(g.messages, messages);
}

TEST(test_garbage_is_final)
{
	check_lost(kt_agent_receive(&g.agent, "not a frame at all, no", 22), "not a frame");
}

TEST(test_lost_message_is_noticed)
{
	const struct kt_msg msg = { .type = KT_MSG_HEARTBEAT };

	g.seq = 1;
	check_lost(says(&msg), "sequence");
}

TEST(test_message_for_a_guest_is_refused)
{
	const struct kt_msg msg = { .type = KT_MSG_STOP };

	check_lost(says(&msg), "not for a host");
}

TEST(test_malformed_message_is_refused)
{
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(0);

	assert_int_equal(kt_frame_encode(&out, KT_MSG_HELLO, 0, "x", 1), 0);
	check_lost(kt_agent_receive(&g.agent, out.data, out.len), "does not decode");
}

/* ---- clones ---- */

static int begin_anew(void)
{
	static const uint8_t bytes[KT_CLONE_ENTROPY_BYTES_MAX];
	const struct kt_msg_clone clone = { .identity = { bytes, KT_CLONE_IDENTITY_BYTES },
					    .entropy = { bytes, sizeof(bytes) },
					    .keep_identity = 1 };

	return kt_agent_clone(&g.agent, &clone);
}

/* The guest was in the middle of a conversation with another host. */
TEST(test_clone_begins_anew)
{
	const struct kt_msg hello = { .type = KT_MSG_HELLO };
	const struct kt_msg beat = { .type = KT_MSG_HEARTBEAT };
	struct kt_msg msg;

	g.seq = 41;
	g.decoder.next_seq = 17;
	assert_int_equal(begin_anew(), 0);
	assert_int_equal(says(&beat), 0);
	assert_int_equal(says(&hello), 0); /* the answer to another host's CLONE */
	assert_int_equal(g.messages, 0);
	assert_true(taken(&msg));
	assert_int_equal(msg.type, KT_MSG_CLONE);
	assert_int_equal(msg.clone.identity.len, KT_CLONE_IDENTITY_BYTES);
	assert_int_equal(msg.clone.entropy.len, KT_CLONE_ENTROPY_BYTES_MAX);
	assert_int_equal(msg.clone.keep_identity, 1);
	assert_false(g.agent.ready);
	g.seq = 0;
	assert_int_equal(says(&hello), 0);
	assert_true(g.agent.ready);
	assert_int_equal(says(&beat), 0);
	assert_int_equal(g.messages, 2);
	assert_int_equal(kt_agent_send(&g.agent, &(struct kt_msg){ .type = KT_MSG_STOP }), 0);
	assert_true(taken(&msg));
	assert_int_equal(msg.type, KT_MSG_STOP);
}

TEST(test_clone_after_garbage)
{
	const struct kt_msg hello = { .type = KT_MSG_HELLO };

	check_lost(kt_agent_receive(&g.agent, "not a frame at all, no", 22), "not a frame");
	assert_int_equal(begin_anew(), 0);
	g.seq = 0;
	assert_int_equal(says(&hello), 0);
	assert_true(g.agent.ready);
}

/* ---- staging ---- */

#define ARCHIVE_BYTES (3 * KT_STAGE_CREDIT_MAX + 12345)

static uint8_t byte_at(uint64_t pos)
{
	return (uint8_t)(pos * 2654435761u >> 13);
}

static int make_archive(void)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	uint8_t *data = malloc(ARCHIVE_BYTES);

	assert_true(fd >= 0);
	for (size_t i = 0; i < ARCHIVE_BYTES; i++)
		data[i] = byte_at(i);
	assert_int_equal(kt_write_all(fd, data, ARCHIVE_BYTES), 0);
	free(data);
	return fd;
}

/* Takes what is there; checks every byte. */
static uint64_t take_stages(uint64_t from, bool *ret_last)
{
	struct kt_msg msg;

	while (taken(&msg)) {
		assert_int_equal(msg.type, KT_MSG_STAGE);
		assert_true(msg.stage.data.len <= KT_STAGE_BYTES_MAX);
		for (uint32_t i = 0; i < msg.stage.data.len; i++)
			assert_int_equal(msg.stage.data.data[i], byte_at(from + i));
		from += msg.stage.data.len;
		assert_false(*ret_last);
		*ret_last = msg.stage.last;
	}
	return from;
}

TEST(test_staging_is_on_credit)
{
	_cleanup_(kt_closep) int fd = make_archive();
	uint64_t got = 0, said = 0;
	bool last = false;

	assert_int_equal(kt_agent_stage(&g.agent, fd, ARCHIVE_BYTES), 0);
	assert_int_equal(kt_agent_stage(&g.agent, fd, ARCHIVE_BYTES), KT_AGENT_E_BUSY);
	while (!last) {
		got = take_stages(got, &last);
		assert_in_range(got - said, 1, KT_STAGE_CREDIT_MAX);
		assert_true(g.agent.staging);
		said += KT_MIN(got - said, (uint64_t)KT_STAGE_BYTES_MAX);
		assert_int_equal(says_staged(said), 0);
	}
	assert_int_equal(got, ARCHIVE_BYTES);
	assert_int_equal(says_staged(got), 0);
	assert_false(g.agent.staging);
	/* Counts go on with the next archive. */
	assert_int_equal(kt_agent_stage(&g.agent, fd, 10), 0);
	assert_true(g.agent.staging);
	assert_int_equal(says_staged(got + 10), 0);
	assert_false(g.agent.staging);
}

TEST(test_credit_of_nothing_is_refused)
{
	_cleanup_(kt_closep) int fd = make_archive();

	assert_int_equal(kt_agent_stage(&g.agent, fd, 100), 0);
	check_lost(says_staged(101), "was not sent");
}

TEST(test_archive_that_shrinks)
{
	_cleanup_(kt_closep) int fd = make_archive();

	assert_int_equal(ftruncate(fd, 50), 0);
	assert_int_equal(kt_agent_stage(&g.agent, fd, 100), -EIO);
}
