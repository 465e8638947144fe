/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames carry messages over a byte stream between guest and host.
 *
 *   offset  size  field     (all little-endian)
 *        0     4  magic     KT_FRAME_MAGIC
 *        4     2  version   KT_PROTO_VERSION
 *        6     2  type      enum kt_msg_type
 *        8     4  seq       number of the frame, from 0, per sender
 *       12     4  length    bytes of payload, at most KT_FRAME_PAYLOAD_MAX
 *       16     4  crc       CRC-32 (zlib, polynomial 0xEDB88320) of the header
 *                           with crc = 0, then of the payload
 *       20        payload
 *
 * The peer is not trusted. Every condition except KT_FRAME_E_MORE ends the stream,
 * because the position of the next frame is then unknown.
 *
 * One message type may restart the numbers of its sender: a frame of this type with
 * number 0 is always in sequence (msg.h: CLONE, and HELLO that answers it).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

#define KT_FRAME_MAGIC	     0x3146544bu /* "KTF1" */
#define KT_PROTO_VERSION     7
#define KT_FRAME_HEADER_SIZE 20u

enum kt_frame_condition {
	KT_FRAME_E_MORE = KT_CONDITION(FRAME), /* the frame is incomplete: feed more bytes */
	KT_FRAME_E_MAGIC,		       /* no magic where a frame must begin */
	KT_FRAME_E_VERSION,		       /* the version differs from KT_PROTO_VERSION */
	KT_FRAME_E_OVERSIZE,		       /* length above KT_FRAME_PAYLOAD_MAX */
	KT_FRAME_E_CRC,			       /* header or payload is damaged */
	KT_FRAME_E_SEQ,			       /* a frame was lost or repeated */
};

/* Text for a kt_frame_condition; static. */
const char *kt_frame_strcondition(int condition);

struct kt_frame {
	uint16_t type;
	uint32_t seq;
	const uint8_t *payload; /* borrowed until the next call on the decoder */
	size_t len;
};

/* Appends one frame to out. -ENOBUFS: len exceeds KT_FRAME_PAYLOAD_MAX, or out its limit. */
int kt_frame_encode(struct kt_buf *out, uint16_t type, uint32_t seq, const void *payload,
		    size_t len) _kt_must_check_;

/* An incremental decoder of one stream; any condition but KT_FRAME_E_MORE is final. */
struct kt_frame_decoder {
	struct kt_buf buf;
	size_t used;	   /* bytes of buf that the last returned frame occupies */
	uint32_t next_seq; /* expected seq of the next frame */
	int failed;	   /* condition that ended the stream, or 0 */
	uint16_t anew;	   /* message type that restarts the numbers; 0: none */
	bool awaits_anew;  /* drops frames until a frame of type anew with number 0 */
};

void kt_frame_decoder_init(struct kt_frame_decoder *dec);
void kt_frame_decoder_deinit(struct kt_frame_decoder *dec);

/*
 * Drops all received bytes, and all frames before the next frame of this type with
 * number 0, which restarts the numbers.
 */
void kt_frame_decoder_restart(struct kt_frame_decoder *dec, uint16_t type);

/* Adds len received bytes; ends the borrow of the last returned frame. */
int kt_frame_decoder_feed(struct kt_frame_decoder *dec, const void *data,
			  size_t len) _kt_must_check_;

/* Returns the next frame in *ret_frame: 0 or a kt_frame_condition. */
int kt_frame_decoder_next(struct kt_frame_decoder *dec, struct kt_frame *ret_frame) _kt_must_check_;
