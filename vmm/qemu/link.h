/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a private socket pair. The child has the far end; the event loop watches this
 * end. Bytes for the child wait in a bounded queue until the socket takes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"

struct kt_link_handlers {
	/* Bytes arrived; data is borrowed for the call. */
	void (*on_data)(void *arg, const void *data, size_t len);
	/* The far end is closed, and all its bytes were delivered; called once. May be NULL. */
	void (*on_eof)(void *arg);
	/* The link failed; error is the negative errno. Called once. */
	void (*on_fault)(void *arg, int error);
};

struct kt_link {
	struct kt_loop *loop; /* borrowed; NULL: not initialised */
	int fd;		      /* owned */
	int far_fd;	      /* owned; copy of the far end, see kt_link_keep_far(); -1: none */
	struct kt_source *readable, *writable;
	struct kt_buf out;
	uint64_t received;			 /* bytes delivered so far */
	const struct kt_link_handlers *handlers; /* borrowed */
	void *arg;
};

/*
 * Makes a socket pair. *ret_peer_fd: the far end, owned by the caller, close-on-exec.
 * out_max: bytes that may wait in the queue.
 */
int kt_link_init(struct kt_link *link, struct kt_loop *loop, size_t out_max,
		 const struct kt_link_handlers *handlers, void *arg,
		 int *ret_peer_fd) _kt_must_check_;
/* Accepts a zeroed link. */
void kt_link_deinit(struct kt_link *link);

/* Whether kt_link_send() takes len bytes. */
static inline bool kt_link_has_room(const struct kt_link *link, size_t len)
{
	return !link->readable || kt_buf_has_room(&link->out, len);
}

/*
 * Queues len bytes (copied). -ENOBUFS: the queue would exceed its limit; nothing was queued.
 * If the far end is closed, the bytes are dropped and the result is 0.
 */
int kt_link_send(struct kt_link *link, const void *data, size_t len) _kt_must_check_;

/*
 * Sends len bytes without queueing, together with fd (borrowed), of which the child gets a
 * copy. -EBUSY: bytes wait in the queue, or the socket is full.
 */
int kt_link_send_fd(struct kt_link *link, const void *data, size_t len, int fd) _kt_must_check_;

/* Delivers all bytes that have arrived, without waiting. */
void kt_link_drain(struct kt_link *link);

/*
 * Keeps a copy of the far end peer_fd, for kt_link_discard(). From then on the far end stays
 * open after the child's end.
 */
int kt_link_keep_far(struct kt_link *link, int peer_fd) _kt_must_check_;

/*
 * Drops the bytes that the child has not received: those in the queue and, if the far end is
 * kept, those in the socket. The child must not read meanwhile. Then delivers as
 * kt_link_drain().
 */
void kt_link_discard(struct kt_link *link);
