/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-mmio transport; see virtio-mmio.h. Registers of older versions and of features
 * that are not offered (queue reset, shared memory) behave as the specification requires of a
 * device without them.
 */
#include <endian.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmm/kvm/device/virtio-mmio.h"

#define MAGIC	0x74726976 /* "virt"; §4.2.2 */
#define VERSION 2
#define VENDOR	0x5453544b /* "KTST" */

/* Status bits, in the order in which a driver may set them (§3.1.1). */
static const uint32_t steps[] = { KT_VIRTIO_STATUS_ACKNOWLEDGE, KT_VIRTIO_STATUS_DRIVER,
				  KT_VIRTIO_STATUS_FEATURES_OK, KT_VIRTIO_STATUS_DRIVER_OK };

void kt_virtio_mmio_init(struct kt_virtio_mmio *mmio, const struct kt_virtio_ops *ops, void *device,
			 const struct kt_ram *ram, const struct kt_virtio_host *host)
{
	*mmio = (struct kt_virtio_mmio){ .ops = ops, .device = device, .host = *host };
	for (unsigned int i = 0; i < ops->queue_count; i++)
		kt_virtqueue_init(&mmio->queues[i], ram, i);
}

bool kt_virtio_mmio_live(const struct kt_virtio_mmio *mmio)
{
	return (mmio->status & KT_VIRTIO_STATUS_DRIVER_OK) &&
	       !(mmio->status & (KT_VIRTIO_STATUS_NEEDS_RESET | KT_VIRTIO_STATUS_FAILED));
}

bool kt_virtio_mmio_has_feature(const struct kt_virtio_mmio *mmio, unsigned int bit)
{
	return (mmio->status & KT_VIRTIO_STATUS_FEATURES_OK) && (mmio->driver_features >> bit & 1);
}

static void raise_bit(struct kt_virtio_mmio *mmio, uint32_t bit)
{
	if (mmio->interrupt_status & bit)
		return;
	mmio->interrupt_status |= bit;
	mmio->host.interrupt(mmio->host.arg);
}

void kt_virtio_mmio_interrupt(struct kt_virtio_mmio *mmio)
{
	raise_bit(mmio, KT_VIRTIO_INT_QUEUE);
}

void kt_virtio_mmio_fail(struct kt_virtio_mmio *mmio, enum kt_virtio_condition condition)
{
	if (mmio->status & KT_VIRTIO_STATUS_NEEDS_RESET)
		return;
	mmio->status |= KT_VIRTIO_STATUS_NEEDS_RESET;
	mmio->condition = condition;
	/* §2.1.2: the driver hears of it if it had got that far. */
	if (mmio->status & KT_VIRTIO_STATUS_DRIVER_OK)
		raise_bit(mmio, KT_VIRTIO_INT_CONFIG);
	if (mmio->host.failed)
		mmio->host.failed(mmio->host.arg, condition, &mmio->diag);
}

static void reset(struct kt_virtio_mmio *mmio)
{
	for (unsigned int i = 0; i < mmio->ops->queue_count; i++)
		kt_virtqueue_reset(&mmio->queues[i]);
	mmio->status = 0;
	mmio->interrupt_status = 0;
	mmio->device_features_sel = 0;
	mmio->driver_features_sel = 0;
	mmio->queue_sel = 0;
	mmio->driver_features = 0;
	mmio->condition = 0;
	kt_diag_reset(&mmio->diag);
	mmio->ops->reset(mmio->device);
}

static bool features_are_fine(const struct kt_virtio_mmio *mmio)
{
	return (mmio->driver_features & KT_VIRTIO_F_VERSION_1) &&
	       !(mmio->driver_features & ~mmio->ops->features);
}

/* Bits add up and are cleared by a reset alone; one whose turn it is not is ignored. */
static void write_status(struct kt_virtio_mmio *mmio, uint32_t value)
{
	bool was_live = mmio->status & KT_VIRTIO_STATUS_DRIVER_OK;

	if (!value) {
		reset(mmio);
		return;
	}
	mmio->status |= value & KT_VIRTIO_STATUS_FAILED;
	for (size_t i = 0; i < KT_ARRAY_SIZE(steps); i++) {
		bool has = mmio->status & steps[i];

		if (!has && !(value & steps[i]))
			break;
		/* §2.2.2: features that cannot be had are refused by not taking this bit. */
		if (!has && steps[i] == KT_VIRTIO_STATUS_FEATURES_OK && !features_are_fine(mmio))
			break;
		mmio->status |= steps[i];
	}
	if (!was_live && kt_virtio_mmio_live(mmio))
		mmio->ops->start(mmio->device);
}

void kt_virtio_mmio_notify(struct kt_virtio_mmio *mmio, uint32_t queue)
{
	if (queue < mmio->ops->queue_count && mmio->queues[queue].ready &&
	    kt_virtio_mmio_live(mmio))
		mmio->ops->notify(mmio->device, queue);
}

/* The half of a value that a selector chooses; 0 beyond. */
static uint32_t half_of(uint64_t value, uint32_t sel)
{
	return sel < 2 ? (uint32_t)(value >> (32 * sel)) : 0;
}

static void set_half(uint64_t *value, unsigned int half, uint32_t bits)
{
	unsigned int shift = 32 * half;

	*value = (*value & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)bits << shift;
}

static void write_driver_features(struct kt_virtio_mmio *mmio, uint32_t value)
{
	uint32_t negotiating =
		mmio->status & (KT_VIRTIO_STATUS_DRIVER | KT_VIRTIO_STATUS_FEATURES_OK);

	/*
	 * §3.1.1: between DRIVER and FEATURES_OK. Words beyond the second have no feature of
	 * this device.
	 */
	if (negotiating == KT_VIRTIO_STATUS_DRIVER && mmio->driver_features_sel < 2)
		set_half(&mmio->driver_features, mmio->driver_features_sel, value);
}

static struct kt_virtqueue *selected(struct kt_virtio_mmio *mmio)
{
	return mmio->queue_sel < mmio->ops->queue_count ? &mmio->queues[mmio->queue_sel] : NULL;
}

static void write_ready(struct kt_virtio_mmio *mmio, struct kt_virtqueue *vq, uint32_t value)
{
	int r;

	if (!(value & 1)) {
		vq->ready = false;
		return;
	}
	if (vq->ready || (mmio->status & KT_VIRTIO_STATUS_NEEDS_RESET) ||
	    !(mmio->status & KT_VIRTIO_STATUS_FEATURES_OK))
		return;
	r = kt_virtqueue_start(vq, &mmio->diag);
	if (r)
		kt_virtio_mmio_fail(mmio, r);
}

/* Registers of the selected queue; its setting is fixed while it is ready (§4.2.2.2). */
static void write_queue(struct kt_virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	struct kt_virtqueue *vq = selected(mmio);

	if (!vq)
		return;
	if (offset == KT_VIRTIO_MMIO_QUEUE_READY) {
		write_ready(mmio, vq, value);
		return;
	}
	if (vq->ready)
		return;
	switch (offset) {
	case KT_VIRTIO_MMIO_QUEUE_NUM:
		vq->size = value;
		break;
	case KT_VIRTIO_MMIO_QUEUE_DESC_LOW:
	case KT_VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&vq->desc, offset == KT_VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case KT_VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		set_half(&vq->avail, offset == KT_VIRTIO_MMIO_QUEUE_DRIVER_HIGH, value);
		break;
	case KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case KT_VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		set_half(&vq->used, offset == KT_VIRTIO_MMIO_QUEUE_DEVICE_HIGH, value);
		break;
	}
}

static void write_register(struct kt_virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case KT_VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		mmio->device_features_sel = value;
		break;
	case KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		mmio->driver_features_sel = value;
		break;
	case KT_VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(mmio, value);
		break;
	case KT_VIRTIO_MMIO_QUEUE_SEL:
		mmio->queue_sel = value;
		break;
	case KT_VIRTIO_MMIO_QUEUE_NOTIFY:
		kt_virtio_mmio_notify(mmio, value);
		break;
	case KT_VIRTIO_MMIO_INTERRUPT_ACK:
		mmio->interrupt_status &= ~value;
		break;
	case KT_VIRTIO_MMIO_STATUS:
		write_status(mmio, value);
		break;
	default:
		write_queue(mmio, offset, value);
	}
}

static uint32_t read_register(struct kt_virtio_mmio *mmio, uint64_t offset)
{
	const struct kt_virtqueue *vq = selected(mmio);

	switch (offset) {
	case KT_VIRTIO_MMIO_MAGIC:
		return MAGIC;
	case KT_VIRTIO_MMIO_VERSION:
		return VERSION;
	case KT_VIRTIO_MMIO_DEVICE_ID:
		return mmio->ops->device_id;
	case KT_VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case KT_VIRTIO_MMIO_DEVICE_FEATURES:
		return half_of(mmio->ops->features, mmio->device_features_sel);
	case KT_VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? KT_VIRTQUEUE_SIZE_MAX : 0;
	case KT_VIRTIO_MMIO_QUEUE_READY:
		return vq && vq->ready;
	case KT_VIRTIO_MMIO_INTERRUPT_STATUS:
		return mmio->interrupt_status;
	case KT_VIRTIO_MMIO_STATUS:
		return mmio->status;
	/* §4.2.2: both are -1 for shared memory that does not exist. */
	case KT_VIRTIO_MMIO_SHM_LEN_LOW:
	case KT_VIRTIO_MMIO_SHM_LEN_HIGH:
	case KT_VIRTIO_MMIO_SHM_BASE_LOW:
	case KT_VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	/* The configuration never changes, so neither does CONFIG_GENERATION: 0. */
	default:
		return 0;
	}
}

static bool is_register(uint64_t offset, unsigned int len)
{
	return offset < KT_VIRTIO_MMIO_CONFIG && offset % 4 == 0 && len == 4;
}

void kt_virtio_mmio_read(struct kt_virtio_mmio *mmio, uint64_t offset, void *data, unsigned int len)
{
	uint32_t value;

	memset(data, 0, len);
	if (is_register(offset, len)) {
		value = htole32(read_register(mmio, offset));
		memcpy(data, &value, sizeof(value));
	} else if (offset >= KT_VIRTIO_MMIO_CONFIG &&
		   offset - KT_VIRTIO_MMIO_CONFIG < mmio->ops->config_len) {
		offset -= KT_VIRTIO_MMIO_CONFIG;
		memcpy(data, mmio->ops->config + offset,
		       KT_MIN((uint64_t)len, mmio->ops->config_len - offset));
	}
}

void kt_virtio_mmio_write(struct kt_virtio_mmio *mmio, uint64_t offset, const void *data,
			  unsigned int len)
{
	uint32_t value;

	if (!is_register(offset, len))
		return;
	memcpy(&value, data, sizeof(value));
	write_register(mmio, offset, le32toh(value));
}
