/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a private socket pair whose other end a child has, watched by the
 * event loop. What is sent waits in a bounded queue until the socket takes it.
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
	/* The other end is closed and all its bytes were delivered; called once, or NULL. */
	void (*on_eof)(void *arg);
	/* The link is of no more use for a fault of the host; called once. */
	void (*on_fault)(void *arg, int error);
};

struct kt_link {
	struct kt_loop *loop; /* borrowed; NULL while not initialised */
	int fd;		      /* owned */
	int far_fd;	      /* owned; see kt_link_keep_far(); -1: not kept */
	struct kt_source *readable, *writable;
	struct kt_buf out;
	uint64_t received;			 /* bytes delivered so far */
	const struct kt_link_handlers *handlers; /* borrowed */
	void *arg;
};

/*
 * Makes a socket pair; *ret_peer_fd (owned by the caller, close-on-exec) is the
 * child's end. Queues at most out_max bytes.
 */
int kt_link_init(struct kt_link *link, struct kt_loop *loop, size_t out_max,
		 const struct kt_link_handlers *handlers, void *arg,
		 int *ret_peer_fd) _kt_must_check_;
/* Accepts a zeroed link. */
void kt_link_deinit(struct kt_link *link);

/*
 * Queues bytes (copied). -ENOBUFS when the queue would be too long; nothing is
 * queued then. What a closed other end can no longer take is dropped.
 */
int kt_link_send(struct kt_link *link, const void *data, size_t len) _kt_must_check_;

/*
 * Sends bytes at once, with a descriptor (borrowed) that the other end gets a copy
 * of. -EBUSY: earlier ones wait still, or there is no room.
 */
int kt_link_send_fd(struct kt_link *link, const void *data, size_t len, int fd) _kt_must_check_;

/* Delivers all bytes that are there now, without waiting. */
void kt_link_drain(struct kt_link *link);

/*
 * Keeps a copy of the other end, so that what was sent can be taken back. From then on
 * the other end is not closed by the child's end.
 */
int kt_link_keep_far(struct kt_link *link, int peer_fd) _kt_must_check_;

/*
 * Takes back what was sent and not received, as far as the other end is kept; the child
 * must not read meanwhile. Then delivers what is there, as kt_link_drain().
 */
void kt_link_discard(struct kt_link *link);
