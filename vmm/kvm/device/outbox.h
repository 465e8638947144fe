/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes on their way from the devices to the thread of the event loop, in order.
 * To put them never waits: it may be that thread which does, and a lock of the
 * device is held. A vCPU thread waits for room afterwards, with no lock held, so
 * that memory stays bounded and nothing is lost; unless the loop's thread has said
 * that it cannot take anything now (kt_outbox_hurry()). What the loop's thread
 * puts is bounded by the queue that it takes it from.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_OUTBOX_MAX (64u << 10) /* bytes from which on there is no room */

struct kt_outbox {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct kt_buf buf;
	bool hurry;
	int error; /* 0, or what made bytes get lost: a negative errno */
	int fd;	   /* owned eventfd; readable while there is something to take */
};

int kt_outbox_init(struct kt_outbox *outbox) _kt_must_check_;
/* Nobody may be putting. Accepts a zeroed one. */
void kt_outbox_deinit(struct kt_outbox *outbox);

/* Puts bytes (copied); from any thread. */
void kt_outbox_put(struct kt_outbox *outbox, const void *data, size_t len);
/* Waits while there is no room; not from the taker's thread, nor with a lock that it takes. */
void kt_outbox_wait_room(struct kt_outbox *outbox);

/*
 * From now on, until it is called with false, nobody waits for room: the taker is
 * waiting for the threads that put. They put little and then stop.
 */
void kt_outbox_hurry(struct kt_outbox *outbox, bool hurry);

/*
 * Moves all there is into ret_buf, which must be initialised and empty, and is
 * the caller's. Negative errno: bytes were lost earlier for want of memory.
 */
int kt_outbox_take(struct kt_outbox *outbox, struct kt_buf *ret_buf) _kt_must_check_;
