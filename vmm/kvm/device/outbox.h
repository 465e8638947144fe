/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes on their way from vCPU threads to the thread of the event loop, in
 * order. Whoever puts waits when there is too much, so that nothing is lost and
 * memory stays bounded, unless the loop's thread has said that it cannot take
 * anything now (kt_outbox_hurry()).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define KT_OUTBOX_MAX (64u << 10) /* bytes from which on putting waits */

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

/* Puts bytes (copied); from any thread but the taker's, unless it hurries. */
void kt_outbox_put(struct kt_outbox *outbox, const void *data, size_t len);

/*
 * From now on, until it is called with false, putting never waits: the taker is
 * waiting for the threads that put. They put little and then stop.
 */
void kt_outbox_hurry(struct kt_outbox *outbox, bool hurry);

/*
 * Moves all there is into ret_buf, which must be initialised and empty, and is
 * the caller's. Negative errno: bytes were lost earlier for want of memory.
 */
int kt_outbox_take(struct kt_outbox *outbox, struct kt_buf *ret_buf) _kt_must_check_;
