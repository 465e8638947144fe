/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: how messages travel over a byte stream between guest and host.
 *
 *   offset  size  field     (all little-endian)
 *        0     4  magic     KT_FRAME_MAGIC
 *        4     2  version   KT_PROTO_VERSION
 *        6     2  type      enum kt_msg_type
 *        8     4  seq       counts the sender's frames from 0
 *       12     4  length    of the payload, at most KT_FRAME_PAYLOAD_MAX
 *       16     4  crc       CRC-32 (zlib, polynomial 0xEDB88320) of the header
 *                           with crc = 0, then of the payload
 *       20        payload
 *
 * The peer is not trusted: every condition below ends the stream, because after
 * any of them the position of the next frame is unknown or meaningless.
 *
 * One type of message may begin the count of the sender's frames anew; a frame of
 * it with number 0 is in sequence at any time (msg.h: CLONE, and its answer).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

#define KT_FRAME_MAGIC	     0x3146544bu /* "KTF1" */
#define KT_PROTO_VERSION     5
#define KT_FRAME_HEADER_SIZE 20u

enum kt_frame_condition {
	KT_FRAME_E_MORE = KT_CONDITION(FRAME), /* no whole frame yet: feed more bytes */
	KT_FRAME_E_MAGIC,		       /* not a frame: the stream is out of step */
	KT_FRAME_E_VERSION,		       /* the peer speaks another version */
	KT_FRAME_E_OVERSIZE,		       /* length above KT_FRAME_PAYLOAD_MAX */
	KT_FRAME_E_CRC,			       /* header or payload damaged */
	KT_FRAME_E_SEQ,			       /* a frame was lost or repeated */
};

/* What the condition means, for a message; static. */
const char *kt_frame_strcondition(int condition);

struct kt_frame {
	uint16_t type;
	uint32_t seq;
	const uint8_t *payload; /* borrowed until the next call on the decoder */
	size_t len;
};

/* Appends one frame to out. -ENOBUFS when len or the limit of out is exceeded. */
int kt_frame_encode(struct kt_buf *out, uint16_t type, uint32_t seq, const void *payload,
		    size_t len) _kt_must_check_;

/* An incremental decoder of one stream. After a condition other than MORE it stays failed. */
struct kt_frame_decoder {
	struct kt_buf buf;
	size_t used;	   /* bytes of buf that belong to the frame handed out */
	uint32_t next_seq; /* expected of the next frame */
	int failed;	   /* condition that ended the stream, or 0 */
	uint16_t anew;	   /* type of message that begins the count anew; 0: none does */
	bool awaits_anew;  /* frames are dropped until that one comes */
};

void kt_frame_decoder_init(struct kt_frame_decoder *dec);
void kt_frame_decoder_deinit(struct kt_frame_decoder *dec);

/*
 * Forgets all that was received. Frames are dropped, whatever their number, until
 * one of this type with number 0 begins the count anew.
 */
void kt_frame_decoder_restart(struct kt_frame_decoder *dec, uint16_t type);

/* Adds received bytes. Invalidates a frame handed out before. */
int kt_frame_decoder_feed(struct kt_frame_decoder *dec, const void *data,
			  size_t len) _kt_must_check_;

/* Takes the next frame: 0, or a kt_frame_condition. */
int kt_frame_decoder_next(struct kt_frame_decoder *dec, struct kt_frame *ret_frame) _kt_must_check_;
