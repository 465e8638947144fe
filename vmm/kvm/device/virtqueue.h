/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's side of one split virtqueue (virtio 1.2 §2.7): chains of buffers
 * are taken from the driver and given back. Indirect descriptors and event
 * indices are not offered.
 *
 * All that is in the rings is hostile. Whatever breaks the rules is a condition
 * of enum kt_virtio_condition, with words in the diagnostic; the queue is then
 * of no use until it is reset, and it is for the device to say so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/kvm/guest-mem.h"

/* Buffers in one queue; each one of a receive queue costs Linux a page. */
#define KT_VIRTQUEUE_SIZE_MAX 64

/* What is wrong with a queue or a message; shared by all that is virtio here. */
enum kt_virtio_condition {
	/* no fault: the driver has made nothing available */
	KT_VIRTIO_E_EMPTY = KT_CONDITION(VIRTIO),
	KT_VIRTIO_E_SIZE,      /* queue size 0, too large or not a power of two */
	KT_VIRTIO_E_ALIGN,     /* a ring is not aligned */
	KT_VIRTIO_E_ADDRESS,   /* a ring or a buffer is not in RAM */
	KT_VIRTIO_E_AVAIL,     /* more chains are available than the queue can hold */
	KT_VIRTIO_E_HEAD,      /* a chain begins outside the descriptor table */
	KT_VIRTIO_E_NEXT,      /* a chain goes on outside the descriptor table */
	KT_VIRTIO_E_LOOP,      /* a chain has more descriptors than there are */
	KT_VIRTIO_E_LENGTH,    /* a chain is too long or too short */
	KT_VIRTIO_E_INDIRECT,  /* an indirect descriptor */
	KT_VIRTIO_E_ORDER,     /* a readable buffer behind a writable one */
	KT_VIRTIO_E_DIRECTION, /* a buffer of the wrong kind for this queue */
	KT_VIRTIO_E_MESSAGE,   /* a message that makes no sense */
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
	const struct kt_guest_mem *mem; /* borrowed */
	unsigned int index;		/* in the device; for messages */
	/* As the driver wrote them; judged by kt_virtqueue_start(). */
	uint32_t size;
	uint64_t desc; /* guest-physical addresses of the three parts */
	uint64_t avail;
	uint64_t used;
	/* Live. */
	bool ready;
	bool quiet;	     /* the driver was told not to notify, if there is one */
	uint16_t next_avail; /* the chain to take next */
	uint16_t next_used;  /* where the next one goes when it is done */
};

/* A chain of buffers: the readable ones first. All of them are RAM. */
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

void kt_virtqueue_init(struct kt_virtqueue *vq, const struct kt_guest_mem *mem, unsigned int index);
/* Back to the state after init. */
void kt_virtqueue_reset(struct kt_virtqueue *vq);

/* Makes the queue ready. SIZE, ALIGN, ADDRESS: it is not. */
int kt_virtqueue_start(struct kt_virtqueue *vq, struct kt_diag *diag) _kt_must_check_;

/* How many chains wait to be taken; 0 while not ready. AVAIL, ADDRESS. */
int kt_virtqueue_pending(const struct kt_virtqueue *vq, unsigned int *ret_count,
			 struct kt_diag *diag) _kt_must_check_;

/* Takes the next chain; EMPTY without diag if there is none. */
int kt_virtqueue_pop(struct kt_virtqueue *vq, struct kt_virtq_chain *ret_chain,
		     struct kt_diag *diag) _kt_must_check_;

/* Moves len bytes from, to the given offset of the chain's readable, writable part. LENGTH. */
int kt_virtqueue_read(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		      uint32_t offset, void *buf, uint32_t len,
		      struct kt_diag *diag) _kt_must_check_;
int kt_virtqueue_write(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		       uint32_t offset, const void *buf, uint32_t len,
		       struct kt_diag *diag) _kt_must_check_;

/* Gives the chain back, with this many bytes written to it. ADDRESS. */
int kt_virtqueue_push(struct kt_virtqueue *vq, const struct kt_virtq_chain *chain, uint32_t written,
		      struct kt_diag *diag) _kt_must_check_;

/* Whether the driver wants to be interrupted about what was pushed. */
bool kt_virtqueue_wants_interrupt(const struct kt_virtqueue *vq);

/*
 * Tells the driver whether notifications would be of no use now, which saves it
 * an exit for each. After turning them on, look once more for what was made
 * available in between. ADDRESS.
 */
int kt_virtqueue_set_quiet(struct kt_virtqueue *vq, bool quiet,
			   struct kt_diag *diag) _kt_must_check_;
