/* SPDX-License-Identifier: GPL-2.0-only */
/* Framing: round trip, truncation at every byte, damage of every bit. */
#include <string.h>

#include "proto/frame.h"
#include "tests/unit/test.h"

static const char payload[] = "some payload";

static void make_frame(struct kt_buf *out, uint32_t seq)
{
	assert_int_equal(kt_frame_encode(out, 77, seq, payload, sizeof(payload)), 0);
}

static int decode_once(const void *data, size_t len, struct kt_frame *ret_frame)
{
	struct kt_frame_decoder dec;
	int r;

	kt_frame_decoder_init(&dec);
	assert_int_equal(kt_frame_decoder_feed(&dec, data, len), 0);
	r = kt_frame_decoder_next(&dec, ret_frame);
	ret_frame->payload = NULL; /* borrowed from the decoder */
	kt_frame_decoder_deinit(&dec);
	return r;
}

static void test_round_trip(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame_decoder dec;
	struct kt_frame frame;

	for (uint32_t seq = 0; seq < 3; seq++)
		make_frame(&buf, seq);
	kt_frame_decoder_init(&dec);
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
	kt_frame_decoder_deinit(&dec);
	kt_buf_deinit(&buf);
}

static void test_empty_payload(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame frame;

	assert_int_equal(kt_frame_encode(&buf, 1, 0, NULL, 0), 0);
	assert_int_equal(decode_once(buf.data, buf.len, &frame), 0);
	assert_int_equal(frame.len, 0);
	kt_buf_deinit(&buf);
}

static void test_truncated_is_incomplete(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame frame;

	make_frame(&buf, 0);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(decode_once(buf.data, len, &frame), KT_FRAME_E_MORE);
	assert_int_equal(decode_once(buf.data, buf.len, &frame), 0);
	kt_buf_deinit(&buf);
}

static void test_every_damaged_bit_is_noticed(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame frame;
	int r;

	make_frame(&buf, 0);
	for (size_t bit = 0; bit < 8 * buf.len; bit++) {
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = decode_once(buf.data, buf.len, &frame);
		assert_int_not_equal(r, 0);
		/* A damaged length may ask for more bytes; any other damage is an error. */
		if (r == KT_FRAME_E_MORE)
			assert_in_range(bit / 8, 12, 15);
		buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	kt_buf_deinit(&buf);
}

static void test_conditions_by_name(void **state)
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
	struct kt_frame frame;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kt_buf buf = KT_BUF_INIT(0);

		make_frame(&buf, 0);
		buf.data[cases[i].at] ^= cases[i].value;
		assert_int_equal(decode_once(buf.data, buf.len, &frame), cases[i].want);
		assert_non_null(kt_frame_strcondition(cases[i].want));
		kt_buf_deinit(&buf);
	}
}

static void test_lost_frame_is_noticed(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame frame;

	make_frame(&buf, 1);
	assert_int_equal(decode_once(buf.data, buf.len, &frame), KT_FRAME_E_SEQ);
	kt_buf_deinit(&buf);
}

/* Frames for an earlier host, with any number, then frame number 0. */
static void test_restart_drops_what_was_before(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame_decoder dec;
	struct kt_frame frame;
	uint8_t junk[KT_FRAME_HEADER_SIZE] = { 0 };

	kt_frame_decoder_init(&dec);
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
	kt_frame_decoder_deinit(&dec);
	kt_buf_deinit(&buf);
}

/* Only a frame of the restarting type with number 0 is always in sequence. */
static void test_one_type_begins_anew(void **state)
{
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame_decoder dec;
	struct kt_frame frame;

	kt_frame_decoder_init(&dec);
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
	kt_frame_decoder_deinit(&dec);
	kt_buf_deinit(&buf);
}

static void test_failure_is_final(void **state)
{
	struct kt_frame_decoder dec;
	struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_frame frame;
	uint8_t junk[KT_FRAME_HEADER_SIZE] = { 0 };

	make_frame(&buf, 0);
	kt_frame_decoder_init(&dec);
	assert_int_equal(kt_frame_decoder_feed(&dec, junk, sizeof(junk)), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MAGIC);
	assert_int_equal(kt_frame_decoder_feed(&dec, buf.data, buf.len), 0);
	assert_int_equal(kt_frame_decoder_next(&dec, &frame), KT_FRAME_E_MAGIC);
	kt_frame_decoder_deinit(&dec);
	kt_buf_deinit(&buf);
}

static void test_oversize_is_not_encoded(void **state)
{
	static uint8_t big[KT_FRAME_PAYLOAD_MAX + 1];
	struct kt_buf buf = KT_BUF_INIT(0);

	assert_int_equal(kt_frame_encode(&buf, 1, 0, big, sizeof(big)), -ENOBUFS);
	assert_int_equal(kt_frame_encode(&buf, 1, 0, big, sizeof(big) - 1), 0);
	kt_buf_deinit(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_truncated_is_incomplete),
		cmocka_unit_test(test_every_damaged_bit_is_noticed),
		cmocka_unit_test(test_conditions_by_name),
		cmocka_unit_test(test_lost_frame_is_noticed),
		cmocka_unit_test(test_restart_drops_what_was_before),
		cmocka_unit_test(test_one_type_begins_anew),
		cmocka_unit_test(test_failure_is_final),
		cmocka_unit_test(test_oversize_is_not_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
