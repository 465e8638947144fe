/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes on their way from the devices to the thread of the event loop, in order.
 * kt_outbox_put() never waits: its caller holds a lock of the device, and may be the loop's
 * thread. Memory stays bounded because a vCPU thread waits for room afterwards, without a
 * lock, unless the loop's thread has called kt_outbox_hurry(). Bytes that the loop's thread
 * puts are bounded by the queue that it takes them from.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_OUTBOX_MAX (64u << 10) /* bytes; with this many there is no room */

struct kt_outbox {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct kt_buf buf;
	bool hurry;
	int error; /* 0, or the negative errno for which bytes were lost */
	int fd;	   /* owned eventfd; readable while the outbox is not empty */
};

int kt_outbox_init(struct kt_outbox *outbox) _kt_must_check_;
/* No thread may be in kt_outbox_put(). Accepts a zeroed outbox. */
void kt_outbox_deinit(struct kt_outbox *outbox);

/* Appends len bytes (copied); from any thread. */
void kt_outbox_put(struct kt_outbox *outbox, const void *data, size_t len);
/*
 * Waits until there is room. Not on the loop's thread, nor with a lock that the loop's thread
 * takes.
 */
void kt_outbox_wait_room(struct kt_outbox *outbox);

/*
 * hurry true: no thread waits for room until hurry is false again, because the loop's thread
 * waits for the threads that put bytes. They put little and then stop.
 */
void kt_outbox_hurry(struct kt_outbox *outbox, bool hurry);

/*
 * Moves all bytes to ret_buf, which must be initialised and empty and is owned by the caller.
 * Negative errno: bytes were lost before, for want of memory.
 */
int kt_outbox_take(struct kt_outbox *outbox, struct kt_buf *ret_buf) _kt_must_check_;
