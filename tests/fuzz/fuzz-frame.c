/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of the guest channel: frames, and the messages in them. The checksum is
 * put right first for half of the inputs, or little would get behind it.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "proto/frame.h"
#include "proto/msg.h"
#include "judge/record.h"
#include "tests/fuzz/fuzz.h"

static void set_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Gives every frame that fits a right header and checksum, keeping type and length. */
static void repair(uint8_t *data, size_t size)
{
	uint32_t seq = 0;

	while (size >= KT_FRAME_HEADER_SIZE) {
		uint32_t len = get_le32(data + 12) % KT_FRAME_PAYLOAD_MAX;
		uLong crc;

		if (len > size - KT_FRAME_HEADER_SIZE)
			len = (uint32_t)(size - KT_FRAME_HEADER_SIZE);
		set_le32(data, KT_FRAME_MAGIC);
		data[4] = KT_PROTO_VERSION;
		data[5] = 0;
		set_le32(data + 8, seq++);
		set_le32(data + 12, len);
		set_le32(data + 16, 0);
		crc = crc32(0, data, KT_FRAME_HEADER_SIZE);
		if (len)
			crc = crc32(crc, data + KT_FRAME_HEADER_SIZE, len);
		set_le32(data + 16, (uint32_t)crc);
		data += KT_FRAME_HEADER_SIZE + len;
		size -= KT_FRAME_HEADER_SIZE + len;
	}
}

static const struct kt_program_decl *const declared =
	KT_PROGRAMS(KT_PROGRAM("a", .binary = "x"), KT_PROGRAM("b", .binary = "x"));

/* What is kept of programs, to its last byte, however little of it makes sense. */
static void read_programs(const struct kt_run_record *rec)
{
	static volatile uint8_t last;

	for (size_t i = 0; i < rec->program_count; i++) {
		const struct kt_bytes tail = kt_program_tail(&rec->programs[i]);

		if (tail.len)
			last = tail.data[0] ^ tail.data[tail.len - 1];
	}
	(void)last;
}

static void consume(const uint8_t *data, size_t size)
{
	struct kt_frame_decoder dec;
	struct kt_run_record rec;
	struct kt_frame frame;
	struct kt_msg msg;
	int r = 0;

	if (kt_run_record_init(&rec))
		return;
	rec.declared = declared;
	kt_frame_decoder_init(&dec);
	while (size && !r) {
		size_t n = size > 1000 ? 1000 : size;

		r = kt_frame_decoder_feed(&dec, data, n);
		while (!r && !kt_frame_decoder_next(&dec, &frame))
			if (!kt_msg_decode(&msg, frame.type, frame.payload, frame.len))
				r = kt_run_record_add(&rec, &msg, NULL);
		data += n;
		size -= n;
	}
	read_programs(&rec);
	kt_frame_decoder_deinit(&dec);
	kt_run_record_deinit(&rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	consume(data, size);
	if (size)
		memcpy(copy, data, size);
	repair(copy, size);
	consume(copy, size);
	free(copy);
	return 0;
}
