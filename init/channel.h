/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of the control channel: frames over a virtio-serial port.
 *
 * Output is queued and written without blocking. The port has no event for
 * "there is room again" (its output queue has no interrupt), so that a queue
 * that is not empty is retried on a tick. Beyond KT_CHANNEL_QUEUE_SOFT a sender
 * waits for the host; after KT_CHANNEL_STALL_NS of that the channel is dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/frame.h"
#include "proto/msg.h"

#define KT_CHANNEL_QUEUE_SOFT (4u << 20)
#define KT_CHANNEL_QUEUE_MAX  (KT_CHANNEL_QUEUE_SOFT + 2 * KT_FRAME_PAYLOAD_MAX)
#define KT_CHANNEL_STALL_NS   (10 * KT_NSEC_PER_SEC)
#define KT_CHANNEL_TICK_NS    KT_NSEC_PER_MSEC

struct kt_channel {
	int fd; /* -1: not open */
	struct kt_buf out;
	size_t out_pos; /* bytes of out already written */
	uint32_t seq;
	struct kt_frame_decoder in;
};

enum kt_channel_condition {
	KT_CHANNEL_E_NONE = KT_CONDITION(CHANNEL), /* no such port (yet); nothing to receive */
	KT_CHANNEL_E_GONE,			   /* the host closed it */
	KT_CHANNEL_E_GARBAGE,			   /* what came is no message; see reterr_text */
	KT_CHANNEL_E_STALLED,			   /* the host does not read */
	KT_CHANNEL_E_MORE,			   /* there may be more to receive */
};

void kt_channel_init(struct kt_channel *ch);

/* Looks for the port named KT_PORT_CONTROL and opens it. KT_CHANNEL_E_NONE if it is not there. */
int kt_channel_open(struct kt_channel *ch) _kt_must_check_;

/* Queues a message and writes what the port takes. KT_CHANNEL_E_STALLED. */
int kt_channel_send(struct kt_channel *ch, const struct kt_msg *msg) _kt_must_check_;

/* Writes what the port takes. */
int kt_channel_flush(struct kt_channel *ch) _kt_must_check_;

static inline bool kt_channel_pending(const struct kt_channel *ch)
{
	return ch->out.len > ch->out_pos;
}

/*
 * A restored machine's host knows nothing of what was said before: what is queued
 * is dropped and the count of frames begins anew.
 */
void kt_channel_restart(struct kt_channel *ch);

/*
 * Reads what is there into the decoder, up to a limit: KT_CHANNEL_E_MORE, when the
 * messages are to be taken out first. 0, or KT_CHANNEL_E_GONE.
 */
int kt_channel_receive(struct kt_channel *ch) _kt_must_check_;

/* Takes the next message. KT_CHANNEL_E_NONE, or KT_CHANNEL_E_GARBAGE with a static text. */
int kt_channel_next(struct kt_channel *ch, struct kt_msg *ret_msg,
		    const char **reterr_text) _kt_must_check_;
