/* SPDX-License-Identifier: GPL-2.0-only */
/* Encoder and decoder of frames; frame.h has the layout. */

#include <zlib.h>

#include "base/cursor.h"
#include "proto/frame.h"

/* Room for two frames of maximum size, so that feeding never stalls. */
#define DECODER_MAX (2 * ((size_t)KT_FRAME_PAYLOAD_MAX + KT_FRAME_HEADER_SIZE) + (64u << 10))

const char *kt_frame_strcondition(int condition)
{
	switch (condition) {
	case KT_FRAME_E_MORE:
		return "incomplete frame";
	case KT_FRAME_E_MAGIC:
		return "bytes that are not a frame";
	case KT_FRAME_E_VERSION:
		return "frame of another protocol version";
	case KT_FRAME_E_OVERSIZE:
		return "frame larger than the protocol allows";
	case KT_FRAME_E_CRC:
		return "frame with a wrong checksum";
	case KT_FRAME_E_SEQ:
		return "frame out of sequence";
	}
	return "unknown framing condition";
}

static uint32_t frame_crc(const uint8_t *header, const void *payload, size_t len)
{
	uLong crc = crc32(0, header, 16);

	crc = crc32(crc, (const uint8_t[4]){ 0 }, 4);
	/* zlib takes a NULL buffer as a request for the initial value. */
	return (uint32_t)(len ? crc32(crc, payload, (uInt)len) : crc);
}

int kt_frame_encode(struct kt_buf *out, uint16_t type, uint32_t seq, const void *payload,
		    size_t len)
{
	uint8_t header[KT_FRAME_HEADER_SIZE];

	if (len > KT_FRAME_PAYLOAD_MAX)
		return kt_raise(-ENOBUFS);
	kt_put_le(header, KT_FRAME_MAGIC, 4);
	kt_put_le(header + 4, KT_PROTO_VERSION, 2);
	kt_put_le(header + 6, type, 2);
	kt_put_le(header + 8, seq, 4);
	kt_put_le(header + 12, len, 4);
	kt_put_le(header + 16, frame_crc(header, payload, len), 4);

	KT_TRY(kt_buf_reserve(out, sizeof(header) + len));
	KT_TRY(kt_buf_append(out, header, sizeof(header)));
	return kt_forward(kt_buf_append(out, payload, len));
}

void kt_frame_decoder_init(struct kt_frame_decoder *dec)
{
	*dec = (struct kt_frame_decoder){ .buf = KT_BUF_INIT(DECODER_MAX) };
}

void kt_frame_decoder_deinit(struct kt_frame_decoder *dec)
{
	kt_buf_deinit(&dec->buf);
}

void kt_frame_decoder_restart(struct kt_frame_decoder *dec, uint16_t type)
{
	kt_buf_consume(&dec->buf, dec->buf.len);
	dec->used = 0;
	dec->next_seq = 0;
	dec->failed = 0;
	dec->anew = type;
	dec->awaits_anew = true;
}

static void drop_used(struct kt_frame_decoder *dec)
{
	kt_buf_consume(&dec->buf, dec->used);
	dec->used = 0;
}

int kt_frame_decoder_feed(struct kt_frame_decoder *dec, const void *data, size_t len)
{
	drop_used(dec);
	return kt_forward(kt_buf_append(&dec->buf, data, len));
}

static int check_header(const struct kt_frame_decoder *dec, struct kt_cursor *c,
			struct kt_frame *frame, uint32_t *ret_crc)
{
	if (kt_cursor_le(c, 4) != KT_FRAME_MAGIC)
		return KT_FRAME_E_MAGIC;
	if (kt_cursor_le(c, 2) != KT_PROTO_VERSION)
		return KT_FRAME_E_VERSION;
	frame->type = (uint16_t)kt_cursor_le(c, 2);
	frame->seq = (uint32_t)kt_cursor_le(c, 4);
	frame->len = kt_cursor_le(c, 4);
	*ret_crc = (uint32_t)kt_cursor_le(c, 4);
	if (frame->len > KT_FRAME_PAYLOAD_MAX)
		return KT_FRAME_E_OVERSIZE;
	if (frame->len > kt_cursor_left(c))
		return KT_FRAME_E_MORE;
	frame->payload = kt_cursor_take(c, frame->len);
	if (*ret_crc != frame_crc(dec->buf.data, frame->payload, frame->len))
		return KT_FRAME_E_CRC;
	return 0;
}

/* Whether the frame is not dropped; *ret_r: 0, or KT_FRAME_E_SEQ. */
static bool check_seq(struct kt_frame_decoder *dec, const struct kt_frame *frame, int *ret_r)
{
	if (dec->anew && frame->type == dec->anew && !frame->seq) {
		dec->awaits_anew = false;
		dec->next_seq = 0;
	}
	*ret_r = frame->seq == dec->next_seq ? 0 : KT_FRAME_E_SEQ;
	return !dec->awaits_anew;
}

static int next_frame(struct kt_frame_decoder *dec, struct kt_frame *ret_frame, bool *ret_wanted)
{
	struct kt_frame frame = { 0 };
	struct kt_cursor c;
	uint32_t crc;
	int r;

	*ret_wanted = true;
	drop_used(dec);
	if (dec->buf.len < KT_FRAME_HEADER_SIZE)
		return KT_FRAME_E_MORE;
	c = kt_cursor_over(dec->buf.data, dec->buf.len);
	r = check_header(dec, &c, &frame, &crc);
	if (r)
		return r;
	dec->used = KT_FRAME_HEADER_SIZE + frame.len;
	*ret_wanted = check_seq(dec, &frame, &r);
	if (!*ret_wanted)
		return 0;
	dec->next_seq++;
	*ret_frame = frame;
	return r;
}

int kt_frame_decoder_next(struct kt_frame_decoder *dec, struct kt_frame *ret_frame)
{
	bool wanted;
	int r;

	if (dec->failed)
		return dec->failed;
	do
		r = next_frame(dec, ret_frame, &wanted);
	while (!r && !wanted);
	if (r && r != KT_FRAME_E_MORE)
		dec->failed = r;
	return r;
}
