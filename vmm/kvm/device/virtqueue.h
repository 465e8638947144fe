/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's side of one split virtqueue (virtio 1.2 §2.7): takes chains of buffers from
 * the driver and gives them back. Indirect descriptors and event indices are not offered.
 *
 * The contents of the rings are hostile. Whatever breaks the rules is a condition of enum
 * kt_virtio_condition, with diag. After a condition other than KT_VIRTIO_E_EMPTY the queue
 * must not be used until a reset; the device enforces that. Comments below name conditions
 * without KT_VIRTIO_E_.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/ram.h"

/* Buffers in one queue; each buffer of a receive queue takes a page of Linux. */
#define KT_VIRTQUEUE_SIZE_MAX 64

/* Conditions of queues and messages, of all virtio files. */
enum kt_virtio_condition {
	/* nothing is wrong: the driver has made no chain available */
	KT_VIRTIO_E_EMPTY = KT_CONDITION(VIRTIO),
	KT_VIRTIO_E_SIZE,      /* queue size 0, too large or not a power of two */
	KT_VIRTIO_E_ALIGN,     /* a ring is not aligned */
	KT_VIRTIO_E_ADDRESS,   /* a ring or a buffer is not in RAM */
	KT_VIRTIO_E_AVAIL,     /* more chains are available than the queue can hold */
	KT_VIRTIO_E_HEAD,      /* a chain begins outside the descriptor table */
	KT_VIRTIO_E_NEXT,      /* a chain goes on outside the descriptor table */
	KT_VIRTIO_E_LOOP,      /* a chain has more descriptors than the queue */
	KT_VIRTIO_E_LENGTH,    /* a chain is too long or too short */
	KT_VIRTIO_E_INDIRECT,  /* an indirect descriptor */
	KT_VIRTIO_E_ORDER,     /* a readable buffer behind a writable one */
	KT_VIRTIO_E_DIRECTION, /* a buffer of the wrong kind for this queue */
	KT_VIRTIO_E_MESSAGE,   /* a message is malformed */
	KT_VIRTIO_E_DRIVER,    /* the driver reports that it failed */
	KT_VIRTIO_E_COUNT_,
};

/* Descriptor flags and ring flags: virtio 1.2 §2.7.5, §2.7.6, §2.7.8. */
#define KT_VIRTQ_DESC_NEXT	    1
#define KT_VIRTQ_DESC_WRITE	    2
#define KT_VIRTQ_DESC_INDIRECT	    4
#define KT_VIRTQ_AVAIL_NO_INTERRUPT 1
#define KT_VIRTQ_USED_NO_NOTIFY	    1

struct kt_virtqueue {
	const struct kt_ram *ram; /* borrowed */
	unsigned int index;	  /* of the queue in its device; for diagnostics */
	/* Written by the driver, checked by kt_virtqueue_start(). */
	uint32_t size;
	uint64_t desc; /* guest-physical addresses of the three parts */
	uint64_t avail;
	uint64_t used;
	/* Live. */
	bool ready;
	bool quiet;	     /* the driver was told not to notify, if the queue is ready */
	uint16_t next_avail; /* index of the next chain in the available ring */
	uint16_t next_used;  /* index of the next free element of the used ring */
};

/* A chain of buffers, the readable ones first. All of them are RAM. */
struct kt_virtq_chain {
	uint16_t head;
	uint16_t count;
	uint16_t readable_count;
	uint32_t readable_bytes;
	uint32_t writable_bytes;
	struct {
		kt_gpa_t gpa;
		uint32_t len;
	} parts[KT_VIRTQUEUE_SIZE_MAX];
};

void kt_virtqueue_init(struct kt_virtqueue *vq, const struct kt_ram *ram, unsigned int index);
/* Sets the state after kt_virtqueue_init(). */
void kt_virtqueue_reset(struct kt_virtqueue *vq);

/*
 * Checks size and rings, and makes the queue ready. SIZE, ALIGN, ADDRESS: the queue is not
 * ready.
 */
int kt_virtqueue_start(struct kt_virtqueue *vq, struct kt_diag *diag) _kt_must_check_;

/*
 * *ret_count: chains that kt_virtqueue_pop() can take; 0 while the queue is not ready. AVAIL,
 * ADDRESS.
 */
int kt_virtqueue_pending(const struct kt_virtqueue *vq, unsigned int *ret_count,
			 struct kt_diag *diag) _kt_must_check_;

/*
 * Takes the next chain. EMPTY, without diag: there is none. AVAIL, ADDRESS, HEAD, NEXT, LOOP,
 * LENGTH, INDIRECT, ORDER.
 */
int kt_virtqueue_pop(struct kt_virtqueue *vq, struct kt_virtq_chain *ret_chain,
		     struct kt_diag *diag) _kt_must_check_;

/*
 * Copies len bytes from `offset` in the readable part of the chain, or to `offset` in its
 * writable part. LENGTH, ADDRESS.
 */
int kt_virtqueue_read(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		      uint32_t offset, void *buf, uint32_t len,
		      struct kt_diag *diag) _kt_must_check_;
int kt_virtqueue_write(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		       uint32_t offset, const void *buf, uint32_t len,
		       struct kt_diag *diag) _kt_must_check_;

/* Gives the chain back; written: bytes written to it. ADDRESS. */
int kt_virtqueue_push(struct kt_virtqueue *vq, const struct kt_virtq_chain *chain, uint32_t written,
		      struct kt_diag *diag) _kt_must_check_;

/* Whether the driver wants an interrupt for the chains given back. */
bool kt_virtqueue_wants_interrupt(const struct kt_virtqueue *vq);

/*
 * quiet true: tells the driver not to notify, which saves an exit per notification. After
 * false, the caller must look for chains that became available in between. ADDRESS.
 */
int kt_virtqueue_set_quiet(struct kt_virtqueue *vq, bool quiet,
			   struct kt_diag *diag) _kt_must_check_;
