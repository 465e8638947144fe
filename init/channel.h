/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of the control channel: frames over a virtio-serial port.
 *
 * Output is queued and written without blocking. The port has no event for free space (its
 * output queue has no interrupt), so that a non-empty queue is retried every
 * kt_channel_tick_ns(). While more than KT_CHANNEL_QUEUE_SOFT bytes are queued, a sender waits for
 * the host; after KT_CHANNEL_STALL_NS of waiting the channel is dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "proto/frame.h"
#include "proto/msg.h"

#define KT_CHANNEL_QUEUE_SOFT (4u << 20)
#define KT_CHANNEL_QUEUE_MAX  (KT_CHANNEL_QUEUE_SOFT + 2 * KT_FRAME_PAYLOAD_MAX)
#define KT_CHANNEL_STALL_NS   (10 * KT_NSEC_PER_SEC)
#define KT_CHANNEL_TICK_NS    KT_NSEC_PER_MSEC
/*
 * The clock of an idle guest in counted time jumps to its next timer. While the guest waits for
 * its host, that timer is the wait's, which is this short, so that guest time does not run away:
 * it passes about as fast as the host's.
 */
#define KT_CHANNEL_COUNTED_TICK_NS (50 * KT_NSEC_PER_USEC)

struct kt_channel {
	int fd;	      /* -1: not open */
	bool counted; /* guest time is KT_TIME_COUNTED */
	struct kt_buf out;
	size_t out_pos; /* bytes of out that are written */
	uint32_t seq;
	struct kt_frame_decoder in;
};

enum kt_channel_condition {
	KT_CHANNEL_E_NONE = KT_CONDITION(CHANNEL), /* no port yet, or no whole message */
	KT_CHANNEL_E_GONE,			   /* the host closed the port */
	KT_CHANNEL_E_GARBAGE,			   /* malformed input; see reterr_text */
	KT_CHANNEL_E_STALLED,			   /* the host does not read */
	KT_CHANNEL_E_MORE,			   /* the port may hold more input */
};

/* The longest wait for the host. */
static inline uint64_t kt_channel_tick_ns(const struct kt_channel *ch)
{
	return ch->counted ? KT_CHANNEL_COUNTED_TICK_NS : KT_CHANNEL_TICK_NS;
}

/* counted: guest time is KT_TIME_COUNTED. */
void kt_channel_init(struct kt_channel *ch, bool counted);

/* Opens the port named KT_PORT_CONTROL. KT_CHANNEL_E_NONE: there is no such port yet. */
int kt_channel_open(struct kt_channel *ch) _kt_must_check_;

/* Queues a message, then kt_channel_flush(). KT_CHANNEL_E_STALLED, or negative errno. */
int kt_channel_send(struct kt_channel *ch, const struct kt_msg *msg) _kt_must_check_;

/* Writes as many queued bytes as the port accepts without blocking. Negative errno. */
int kt_channel_flush(struct kt_channel *ch) _kt_must_check_;

static inline bool kt_channel_pending(const struct kt_channel *ch)
{
	return ch->out.len > ch->out_pos;
}

/*
 * For a clone, whose host has not heard the conversation so far: drops the queue and restarts
 * the numbers of frames.
 */
void kt_channel_restart(struct kt_channel *ch);

/*
 * Reads input into the decoder, up to a limit. Returns 0 if the port is empty,
 * KT_CHANNEL_E_MORE at the limit (the caller takes messages first), KT_CHANNEL_E_GONE, or
 * negative errno.
 */
int kt_channel_receive(struct kt_channel *ch) _kt_must_check_;

/*
 * Takes the next message. KT_CHANNEL_E_NONE, KT_CHANNEL_E_GARBAGE with its cause in
 * *reterr_text (static), or negative errno.
 */
int kt_channel_next(struct kt_channel *ch, struct kt_msg *ret_msg,
		    const char **reterr_text) _kt_must_check_;
