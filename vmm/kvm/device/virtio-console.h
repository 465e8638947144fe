/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console with two ports (virtio 1.2 §5.3). Port 0 is the terminal: a driver makes it
 * a console, in Linux /dev/hvc0. Without a handler for the terminal, port 0 is never added,
 * and bytes written to it are dropped. Port 1 is the control channel, KT_PORT_CONTROL, in
 * Linux /dev/vport<N>p1.
 *
 * Bytes for a port wait, up to KT_VM_SEND_MAX, until the guest has opened the port and offers
 * buffers; bytes from the guest are delivered at once. At most one event of each kind waits
 * for the guest, so a guest that repeats its handshake takes no memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "vmm/kvm/device/virtio-mmio.h"

#define KT_VIRTIO_CONSOLE_TERMINAL 0 /* port of the terminal */
#define KT_VIRTIO_CONSOLE_PORT	   1 /* of the control channel */

/* Queues of a device with two ports: virtio 1.2 §5.3.2. */
enum kt_virtio_console_queue {
	KT_VIRTIO_CONSOLE_RX0,
	KT_VIRTIO_CONSOLE_TX0,
	KT_VIRTIO_CONSOLE_CONTROL_RX, /* to the guest */
	KT_VIRTIO_CONSOLE_CONTROL_TX,
	KT_VIRTIO_CONSOLE_RX1,
	KT_VIRTIO_CONSOLE_TX1,
	KT_VIRTIO_CONSOLE_QUEUES,
};

#define KT_VIRTIO_CONSOLE_F_MULTIPORT 1 /* bit number; §5.3.3 */

/* struct virtio_console_control's events: virtio 1.2 §5.3.6.2. */
enum kt_virtio_console_event {
	KT_VIRTIO_CONSOLE_DEVICE_READY,
	KT_VIRTIO_CONSOLE_PORT_ADD,
	KT_VIRTIO_CONSOLE_PORT_REMOVE,
	KT_VIRTIO_CONSOLE_PORT_READY,
	KT_VIRTIO_CONSOLE_CONSOLE_PORT,
	KT_VIRTIO_CONSOLE_RESIZE,
	KT_VIRTIO_CONSOLE_PORT_OPEN,
	KT_VIRTIO_CONSOLE_PORT_NAME,
};

/*
 * Called while the device serves the guest; handlers may send, and must not call other
 * functions of the device.
 */
struct kt_virtio_console_handlers {
	/* Bytes from the control port; data is borrowed for the call. */
	void (*on_data)(void *arg, const void *data, size_t len);
	/* Bytes from the terminal; NULL: the machine has no terminal. */
	void (*on_terminal)(void *arg, const void *data, size_t len);
	void *arg; /* borrowed */
};

struct kt_virtio_console {
	struct kt_virtio_mmio mmio; /* the registers, for the machine's bus */
	struct kt_virtio_console_handlers handlers;
	struct kt_buf pending; /* bytes for the control port */
	size_t sent;	     /* bytes of pending that the guest has and that are not consumed yet */
	struct kt_buf typed; /* bytes for the terminal */
	size_t typed_sent;
	uint32_t due;	       /* one bit per event of port 1 that the guest is to be told */
	uint32_t terminal_due; /* one bit per event of port 0 */
	bool guest_open;
	bool terminal_open;
	bool interrupt;	 /* buffers were given back, and the driver wants an interrupt */
	bool held;	 /* see kt_virtio_console_hold() */
	uint32_t missed; /* one bit per queue that was notified while held */
};

/*
 * host and handlers are copied; ram and their pointers are borrowed until
 * kt_virtio_console_deinit().
 */
void kt_virtio_console_init(struct kt_virtio_console *console, const struct kt_ram *ram,
			    const struct kt_virtio_host *host,
			    const struct kt_virtio_console_handlers *handlers);
void kt_virtio_console_deinit(struct kt_virtio_console *console);

/*
 * Queues len bytes (copied) for the control port. KT_VM_E_FULL: more than KT_VM_SEND_MAX would
 * wait; -ENOMEM.
 */
int kt_virtio_console_send(struct kt_virtio_console *console, const void *data,
			   size_t len) _kt_must_check_;

/* As kt_virtio_console_send(), for the terminal. */
int kt_virtio_console_type(struct kt_virtio_console *console, const void *data,
			   size_t len) _kt_must_check_;

/*
 * hold true: the device touches neither memory nor interrupts of the guest; notifications and
 * bytes to send wait. false: it serves them.
 */
void kt_virtio_console_hold(struct kt_virtio_console *console, bool hold);
