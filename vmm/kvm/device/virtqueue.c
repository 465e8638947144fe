/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Split virtqueues; see virtqueue.h. Addresses of the rings are checked when the queue
 * starts, addresses of buffers when their chain is taken. RAM does not move, so a checked
 * address stays valid. What the buffers contain is left to the device.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "vmm/kvm/device/virtqueue.h"

/* virtio 1.2 §2.7.5 */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* virtio 1.2 §2.7.8 */
struct used_elem {
	uint32_t id;
	uint32_t len;
};

/* Offsets in the available and the used ring (§2.7.6, §2.7.8). */
#define RING_FLAGS   0
#define RING_INDEX   2
#define RING_ENTRIES 4

/* Fills in diag and returns the condition. */
static int __attribute__((format(printf, 4, 5)))
fault(const struct kt_virtqueue *vq, enum kt_virtio_condition condition, struct kt_diag *diag,
      const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kt_diag_doing(diag, "serve virtio queue %u of the guest", vq->index);
	kt_diag_cause(diag, "%s", text);
	kt_diag_remedy(diag, "the guest's kernel breaks the rules of virtio; see console.log for "
			     "what happened to it");
	return condition;
}

void kt_virtqueue_init(struct kt_virtqueue *vq, const struct kt_ram *ram, unsigned int index)
{
	*vq = (struct kt_virtqueue){ .ram = ram, .index = index };
}

void kt_virtqueue_reset(struct kt_virtqueue *vq)
{
	kt_virtqueue_init(vq, vq->ram, vq->index);
}

static int check_ring(const struct kt_virtqueue *vq, const char *what, uint64_t gpa,
		      unsigned int align, uint64_t len, struct kt_diag *diag)
{
	if (gpa % align)
		return fault(vq, KT_VIRTIO_E_ALIGN, diag,
			     "the %s at 0x%" PRIx64 " is not aligned to %u bytes", what, gpa,
			     align);
	if (!kt_ram_has(vq->ram, KT_GPA(gpa), len))
		return fault(vq, KT_VIRTIO_E_ADDRESS, diag,
			     "the %s at 0x%" PRIx64 ", %" PRIu64 " bytes, is not in RAM", what, gpa,
			     len);
	return 0;
}

int kt_virtqueue_start(struct kt_virtqueue *vq, struct kt_diag *diag)
{
	uint64_t desc_len, avail_len, used_len;

	vq->ready = false;
	vq->quiet = false;
	vq->next_avail = 0;
	vq->next_used = 0;
	if (!vq->size || vq->size > KT_VIRTQUEUE_SIZE_MAX || (vq->size & (vq->size - 1)))
		return fault(vq, KT_VIRTIO_E_SIZE, diag,
			     "its size is %" PRIu32 ", not a power of two up to %u", vq->size,
			     KT_VIRTQUEUE_SIZE_MAX);
	desc_len = vq->size * sizeof(struct desc);
	avail_len = RING_ENTRIES + vq->size * sizeof(uint16_t);
	used_len = RING_ENTRIES + vq->size * sizeof(struct used_elem);
	/* Alignments: virtio 1.2 §2.7. */
	KT_TRY(check_ring(vq, "descriptor table", vq->desc, 16, desc_len, diag));
	KT_TRY(check_ring(vq, "available ring", vq->avail, 2, avail_len, diag));
	KT_TRY(check_ring(vq, "used ring", vq->used, 4, used_len, diag));
	vq->ready = true;
	return 0;
}

/* The ring was checked at the start, so this cannot happen; the check costs nothing. */
static int ring_fault(const struct kt_virtqueue *vq, int r, struct kt_diag *diag)
{
	return r ? fault(vq, KT_VIRTIO_E_ADDRESS, diag, "a ring is not in RAM") : 0;
}

static int load(const struct kt_virtqueue *vq, uint64_t gpa, uint16_t *ret_value,
		struct kt_diag *diag)
{
	return ring_fault(vq, kt_ram_load_u16(vq->ram, KT_GPA(gpa), ret_value), diag);
}

static int store(const struct kt_virtqueue *vq, uint64_t gpa, uint16_t value, struct kt_diag *diag)
{
	return ring_fault(vq, kt_ram_store_u16(vq->ram, KT_GPA(gpa), value), diag);
}

int kt_virtqueue_pending(const struct kt_virtqueue *vq, unsigned int *ret_count,
			 struct kt_diag *diag)
{
	uint16_t index, count;
	int r;

	if (!vq->ready) {
		*ret_count = 0;
		return 0;
	}
	r = load(vq, vq->avail + RING_INDEX, &index, diag);
	if (r)
		return r;
	count = (uint16_t)(index - vq->next_avail);
	if (count > vq->size)
		return fault(vq, KT_VIRTIO_E_AVAIL, diag,
			     "%u chains are said to be available in a queue of %" PRIu32, count,
			     vq->size);
	*ret_count = count;
	return 0;
}

static int read_desc(const struct kt_virtqueue *vq, unsigned int i, struct desc *ret,
		     struct kt_diag *diag)
{
	int r = kt_ram_read(vq->ram, KT_GPA(vq->desc + i * sizeof(*ret)), ret, sizeof(*ret));

	if (r)
		return ring_fault(vq, r, diag);
	ret->addr = le64toh(ret->addr);
	ret->len = le32toh(ret->len);
	ret->flags = le16toh(ret->flags);
	ret->next = le16toh(ret->next);
	return 0;
}

/* Judges one descriptor and adds it to the chain. */
static int add_part(const struct kt_virtqueue *vq, struct kt_virtq_chain *chain, unsigned int i,
		    const struct desc *d, struct kt_diag *diag)
{
	bool writable = d->flags & KT_VIRTQ_DESC_WRITE;
	uint32_t *bytes = writable ? &chain->writable_bytes : &chain->readable_bytes;

	if (d->flags & KT_VIRTQ_DESC_INDIRECT)
		return fault(vq, KT_VIRTIO_E_INDIRECT, diag,
			     "descriptor %u is indirect, which was not offered", i);
	if (!writable && chain->readable_count < chain->count)
		return fault(vq, KT_VIRTIO_E_ORDER, diag,
			     "descriptor %u is readable and follows a writable one", i);
	if (!kt_ram_has(vq->ram, KT_GPA(d->addr), d->len))
		return fault(vq, KT_VIRTIO_E_ADDRESS, diag,
			     "descriptor %u, 0x%" PRIx64 " and %" PRIu32 " bytes, is not in RAM", i,
			     d->addr, d->len);
	/* §2.7.5: no more than 2^32 bytes in all; this one is a byte stricter. */
	if (d->len > UINT32_MAX - chain->writable_bytes - chain->readable_bytes)
		return fault(vq, KT_VIRTIO_E_LENGTH, diag,
			     "the chain from descriptor %u on is longer than 2^32 bytes",
			     chain->head);
	chain->parts[chain->count].gpa = KT_GPA(d->addr);
	chain->parts[chain->count++].len = d->len;
	chain->readable_count += !writable;
	*bytes += d->len;
	return 0;
}

static int walk(const struct kt_virtqueue *vq, struct kt_virtq_chain *chain, struct kt_diag *diag)
{
	unsigned int i = chain->head;
	struct desc d;

	do {
		if (i >= vq->size)
			return fault(vq, KT_VIRTIO_E_NEXT, diag,
				     "a chain goes on at descriptor %u of %" PRIu32, i, vq->size);
		if (chain->count == vq->size)
			return fault(vq, KT_VIRTIO_E_LOOP, diag,
				     "the chain from descriptor %u on has a loop", chain->head);
		KT_TRY(read_desc(vq, i, &d, diag));
		KT_TRY(add_part(vq, chain, i, &d, diag));
		i = d.next;
	} while (d.flags & KT_VIRTQ_DESC_NEXT);
	return 0;
}

int kt_virtqueue_pop(struct kt_virtqueue *vq, struct kt_virtq_chain *ret_chain,
		     struct kt_diag *diag)
{
	unsigned int count;
	int r;

	r = kt_virtqueue_pending(vq, &count, diag);
	if (r)
		return r;
	if (!count)
		return KT_VIRTIO_E_EMPTY;
	*ret_chain = (struct kt_virtq_chain){ .head = 0 };
	r = load(vq, vq->avail + RING_ENTRIES + vq->next_avail % vq->size * sizeof(uint16_t),
		 &ret_chain->head, diag);
	if (r)
		return r;
	if (ret_chain->head >= vq->size)
		return fault(vq, KT_VIRTIO_E_HEAD, diag,
			     "a chain begins at descriptor %u of %" PRIu32, ret_chain->head,
			     vq->size);
	r = walk(vq, ret_chain, diag);
	if (!r)
		vq->next_avail++;
	return r;
}

/* Moves len bytes between parts [from, to) of the chain and one of in and out. */
static int transfer(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		    unsigned int from, unsigned int to, uint32_t offset, uint8_t *in,
		    const uint8_t *out, uint32_t len, struct kt_diag *diag)
{
	uint32_t done = 0, n;
	int r;

	for (unsigned int i = from; i < to && done < len; i++) {
		kt_gpa_t gpa = KT_GPA(chain->parts[i].gpa.v + offset);

		if (offset >= chain->parts[i].len) {
			offset -= chain->parts[i].len;
			continue;
		}
		n = KT_MIN(len - done, chain->parts[i].len - offset);
		r = in ? kt_ram_read(vq->ram, gpa, in + done, n) :
			 kt_ram_write(vq->ram, gpa, out + done, n);
		if (r)
			return fault(vq, KT_VIRTIO_E_ADDRESS, diag, "a buffer is not in RAM");
		done += n;
		offset = 0;
	}
	if (done < len)
		return fault(vq, KT_VIRTIO_E_LENGTH, diag,
			     "%" PRIu32 " bytes are asked of a chain that has %" PRIu32, len, done);
	return 0;
}

int kt_virtqueue_read(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		      uint32_t offset, void *buf, uint32_t len, struct kt_diag *diag)
{
	return transfer(vq, chain, 0, chain->readable_count, offset, buf, NULL, len, diag);
}

int kt_virtqueue_write(const struct kt_virtqueue *vq, const struct kt_virtq_chain *chain,
		       uint32_t offset, const void *buf, uint32_t len, struct kt_diag *diag)
{
	return transfer(vq, chain, chain->readable_count, chain->count, offset, NULL, buf, len,
			diag);
}

int kt_virtqueue_push(struct kt_virtqueue *vq, const struct kt_virtq_chain *chain, uint32_t written,
		      struct kt_diag *diag)
{
	struct used_elem elem = { .id = htole32(chain->head), .len = htole32(written) };
	uint64_t at = vq->used + RING_ENTRIES + vq->next_used % vq->size * sizeof(elem);
	int r;

	r = ring_fault(vq, kt_ram_write(vq->ram, KT_GPA(at), &elem, sizeof(elem)), diag);
	if (r)
		return r;
	return store(vq, vq->used + RING_INDEX, ++vq->next_used, diag);
}

bool kt_virtqueue_wants_interrupt(const struct kt_virtqueue *vq)
{
	uint16_t flags = 0;

	/* §2.7.7.2: the used index is seen before the flags are looked at. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vq->ready || kt_ram_load_u16(vq->ram, KT_GPA(vq->avail + RING_FLAGS), &flags))
		return false;
	return !(flags & KT_VIRTQ_AVAIL_NO_INTERRUPT);
}

int kt_virtqueue_set_quiet(struct kt_virtqueue *vq, bool quiet, struct kt_diag *diag)
{
	int r;

	if (vq->quiet == quiet)
		return 0;
	vq->quiet = quiet;
	if (!vq->ready)
		return 0;
	r = store(vq, vq->used + RING_FLAGS, quiet ? KT_VIRTQ_USED_NO_NOTIFY : 0, diag);
	if (r)
		return r;
	/* The flag is seen before the caller looks at the available index. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}
