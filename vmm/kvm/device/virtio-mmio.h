/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-mmio transport, version 2 (virtio 1.2 §4.2): registers, status and queues of one
 * device. The device itself is behind struct kt_virtio_ops.
 *
 * A state machine without descriptors and threads: accesses are function calls, interrupts
 * are callbacks. The machine serialises the calls.
 *
 * Where the specification lets a device ignore a driver's mistake, the mistake is ignored.
 * Any other mistake fails the device: DEVICE_NEEDS_RESET is set, the queues are not used
 * until the driver resets the device, and the machine is told the reason.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "vmm/kvm/device/virtqueue.h"

#define KT_VIRTIO_MMIO_SIZE  0x1000 /* bytes of the register window */
#define KT_VIRTIO_QUEUES_MAX 6

/* Feature bits: virtio 1.2 §6. */
#define KT_VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* Device status: virtio 1.2 §2.1. */
#define KT_VIRTIO_STATUS_ACKNOWLEDGE 1u
#define KT_VIRTIO_STATUS_DRIVER	     2u
#define KT_VIRTIO_STATUS_DRIVER_OK   4u
#define KT_VIRTIO_STATUS_FEATURES_OK 8u
#define KT_VIRTIO_STATUS_NEEDS_RESET 64u
#define KT_VIRTIO_STATUS_FAILED	     128u

/* Interrupt status: virtio 1.2 §4.2.2. */
#define KT_VIRTIO_INT_QUEUE  1u
#define KT_VIRTIO_INT_CONFIG 2u

/* Offsets of the registers: virtio 1.2 §4.2.2. */
enum kt_virtio_mmio_register {
	KT_VIRTIO_MMIO_MAGIC = 0x000,
	KT_VIRTIO_MMIO_VERSION = 0x004,
	KT_VIRTIO_MMIO_DEVICE_ID = 0x008,
	KT_VIRTIO_MMIO_VENDOR_ID = 0x00c,
	KT_VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
	KT_VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
	KT_VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
	KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
	KT_VIRTIO_MMIO_QUEUE_SEL = 0x030,
	KT_VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
	KT_VIRTIO_MMIO_QUEUE_NUM = 0x038,
	KT_VIRTIO_MMIO_QUEUE_READY = 0x044,
	KT_VIRTIO_MMIO_QUEUE_NOTIFY = 0x050, /* takes the index of the queue; for an ioeventfd */
	KT_VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
	KT_VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
	KT_VIRTIO_MMIO_STATUS = 0x070,
	KT_VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
	KT_VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
	KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,
	KT_VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,
	KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,
	KT_VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
	KT_VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,
	KT_VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4,
	KT_VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8,
	KT_VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,
	KT_VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
	KT_VIRTIO_MMIO_CONFIG = 0x100,
};

/* The kind of device. */
struct kt_virtio_ops {
	uint32_t device_id; /* virtio 1.2 §5 */
	uint64_t features;  /* offered, VERSION_1 among them */
	unsigned int queue_count;
	const uint8_t *config; /* read-only configuration space; static */
	unsigned int config_len;
	void (*start)(void *device); /* DRIVER_OK was set */
	void (*reset)(void *device); /* the driver reset the device; the queues are reset already */
	void (*notify)(void *device, unsigned int queue); /* of a live, ready queue */
};

/* What the machine provides to the device. */
struct kt_virtio_host {
	/*
	 * Raises the interrupt: one edge. Called once for each bit that becomes set in the
	 * interrupt status.
	 */
	void (*interrupt)(void *arg);
	/* The device failed; diag is borrowed for the call. May be NULL. */
	void (*failed)(void *arg, enum kt_virtio_condition condition, const struct kt_diag *diag);
	void *arg; /* borrowed */
};

struct kt_virtio_mmio {
	const struct kt_virtio_ops *ops; /* static */
	void *device;			 /* borrowed; argument of the ops */
	struct kt_virtio_host host;
	struct kt_virtqueue queues[KT_VIRTIO_QUEUES_MAX];
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint64_t driver_features;
	/* Why the device failed; 0 and unset: it has not. A reset clears both. */
	enum kt_virtio_condition condition;
	struct kt_diag diag;
};

/* host is copied; ram and the pointers in host are borrowed for the life of the transport. */
void kt_virtio_mmio_init(struct kt_virtio_mmio *mmio, const struct kt_virtio_ops *ops, void *device,
			 const struct kt_ram *ram, const struct kt_virtio_host *host);

/*
 * The guest reads or writes len bytes at `offset` in the window; both may have any value.
 * Registers take aligned words of 4 bytes, the configuration space takes any width
 * (§4.2.2.2). Elsewhere reads return zeros and writes are ignored.
 */
void kt_virtio_mmio_read(struct kt_virtio_mmio *mmio, uint64_t offset, void *data,
			 unsigned int len);
void kt_virtio_mmio_write(struct kt_virtio_mmio *mmio, uint64_t offset, const void *data,
			  unsigned int len);

/* As a write of `queue` to the notify register; for the signal of an ioeventfd. */
void kt_virtio_mmio_notify(struct kt_virtio_mmio *mmio, uint32_t queue);

/* ---- for devices ---- */

/* Whether the queues may be used: DRIVER_OK, and neither side has failed. */
bool kt_virtio_mmio_live(const struct kt_virtio_mmio *mmio);

/* Whether the driver accepted the feature with this bit number. */
bool kt_virtio_mmio_has_feature(const struct kt_virtio_mmio *mmio, unsigned int bit);

/* Interrupts the driver, so that it looks at its queues. */
void kt_virtio_mmio_interrupt(struct kt_virtio_mmio *mmio);

/* Fails the device; mmio->diag has the reason. At most once until a reset. */
void kt_virtio_mmio_fail(struct kt_virtio_mmio *mmio, enum kt_virtio_condition condition);
