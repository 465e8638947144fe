/* SPDX-License-Identifier: GPL-2.0-only */
/* Framing: round trip, truncation at every byte, damage of every bit. */

#include "base/cleanup.h"
#include "proto/frame.h"
#include "tests/unit/test.h"

static const char payload[] = "some payload";

static struct kt_buf buf;
static struct kt_frame_decoder dec;
static struct kt_frame frame;

static void setup(void)
{
	buf = KT_BUF_INIT(0);
	kt_frame_decoder_init(&dec);
}

static void teardown(void)
{
	kt_frame_decoder_deinit(&dec);
	kt_buf_deinit(&buf);
}

AROUND_EACH(setup, teardown);

static void make_frame(uint32_t seq)
{
	assert_int_equal(kt_frame_encode(&buf, 77, seq, payload, sizeof(payload)), 0);
}

/* Of the first bytes of the buffer, by a decoder of its own. */
static int decode_once(size_t len)
{
	_cleanup_(kt_frame_decoder_deinit) struct kt_frame_decoder one;
	int r;

	kt_frame_decoder_init(&one);
	assert_int_equal(kt_frame_decoder_feed(&one, buf.data, len), 0);
	r = kt_frame_decoder_next(&one, &frame);
	frame.payload = NULL; /* borrowed from the decoder */
	return r;
}

TEST(test_round_trip)
{
	for (uint32_t seq = 0; seq < 3; seq++)
		make_frame(seq);
	/* Byte by byte, as from a slow channel. */
	for (size_t i = 0, got = 0; i < buf.len; i++) {
		assert_int_equal(kt_frame_decoder_feed(&dec, buf.data + i, 1), 0);
		if (kt_frame_decoder_next(&dec, &frame) == KT_FRAME_E_MORE)
			continue;
		assert_int_equal(frame.type, 77);
		assert_int_equal(frame.seq, got);
		assert_int_equal(frame.len, sizeof(payload));
		assert_memory_equal(frame.payload, payload, sizeof(payload));
		got++;
		assert_int_equal((i + 1) % (buf.len / 3), 0);
	}
	assert_int_equal(dec.next_seq, 3);
}

TEST(test_empty_payload)
{
	assert_int_equal(kt_frame_encode(&buf, 1, 0, NULL, 0), 0);
	assert_int_equal(decode_once(buf.len), 0);
	assert_int_equal(frame.len, 0);
}

TEST(test_truncated_is_incomplete)
{
	make_frame(0);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(decode_once(len), KT_FRAME_E_MORE);
	assert_int_equal(decode_once(buf.len), 0);
}

TEST(test_every_damaged_bit_is_noticed)
{
	int r;

	make_frame(0);
	for (size_t bit = 0; bit < 8 * buf.len; bit++) {
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = decode_once(buf.len);
		assert_int_not_equal(r, 0);
		/* A damaged length may ask for more bytes; any other damage is an error. */
		if (r == KT_FRAME_E_MORE)
			assert_in_range(bit / 8, 12, 15);
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

TEST(test_conditions_by_name)
{
	static const struct {
		size_t at;
		uint8_t value;
		int want;
	} cases[] = {
		{ 0, 'X', KT_FRAME_E_MAGIC },	   { 4, 9, KT_FRAME_E_VERSION },
		{ 14, 0xff, KT_FRAME_E_OVERSIZE }, { 16, 1, KT_FRAME_E_CRC },
		{ 20, 'X', KT_FRAME_E_CRC },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf.len = 0;
		make_frame(0);
		buf.data[cases[i].at] ^= cases[i].value;
		assert_int_equal(decode_once(buf.len), cases[i].want);
		assert_non_null(kt_frame_strcondition(cases[i].want));
	}
}

TEST(test_lost_frame_is_noticed)
{
	make_frame(1);
	assert_int_equal(decode_once(buf.len), KT_FRAME_E_SEQ);
}

/* Frames for an earlier host, with any number, then frame number 0. */
TEST(test_restart_drops_what_was_before)
{
	uint8_t junk[KT_FRAME_HEADER_SIZE] = { 0 };

	assert_int_equal(kt_frame_decoder_feed(&dec, junk, sizeof(junk)), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MAGIC);
	kt_frame_decoder_restart(&dec, 7);
	assert_int_equal(kt_frame_encode(&buf, 5, 31, "old", 3), 0);
	assert_int_equal(kt_frame_encode(&buf, 7, 32, "old", 3), 0);
	assert_int_equal(kt_frame_encode(&buf, 5, 0, "old", 3), 0);
	assert_int_equal(kt_frame_encode(&buf, 7, 0, "new", 3), 0);
	assert_int_equal(kt_frame_encode(&buf, 5, 1, "and", 3), 0);
	assert_int_equal(kt_frame_decoder_feed(&dec, buf.data, buf.len), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), 0);
	assert_memory_equal(frame.payload, "new", 3);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), 0);
	assert_memory_equal(frame.payload, "and", 3);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MORE);
}

/* Only a frame of the restarting type with number 0 is always in sequence. */
TEST(test_one_type_begins_anew)
{
	dec.anew = 4;
	assert_int_equal(kt_frame_encode(&buf, 1, 0, "", 0), 0);
	assert_int_equal(kt_frame_encode(&buf, 1, 1, "", 0), 0);
	assert_int_equal(kt_frame_encode(&buf, 4, 0, "", 0), 0);
	assert_int_equal(kt_frame_encode(&buf, 1, 1, "", 0), 0);
	assert_int_equal(kt_frame_encode(&buf, 1, 0, "", 0), 0);
	assert_int_equal(kt_frame_decoder_feed(&dec, buf.data, buf.len), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(kt_frame_decoder_next(&dec, &frame), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_SEQ);
}

TEST(test_failure_is_final)
{
	uint8_t junk[KT_FRAME_HEADER_SIZE] = { 0 };

	make_frame(0);
	assert_int_equal(kt_frame_decoder_feed(&dec, junk, sizeof(junk)), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MAGIC);
	assert_int_equal(kt_frame_decoder_feed(&dec, buf.data, buf.len), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MAGIC);
}

TEST(test_oversize_is_not_encoded)
{
	static uint8_t big[KT_FRAME_PAYLOAD_MAX + 1];

	assert_int_equal(kt_frame_encode(&buf, 1, 0, big, sizeof(big)), -ENOBUFS);
	assert_int_equal(kt_frame_encode(&buf, 1, 0, big, sizeof(big) - 1), 0);
}
