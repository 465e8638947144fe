/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console with several ports (virtio 1.2 §5.3). Port 0 is what a driver
 * takes for its console, /dev/hvc0 in Linux: the terminal. Without a handler for it
 * it is never added, and what is written to it is dropped. Port 1 is the control channel: KT_PORT_CONTROL, /dev/vport<N>p1 in Linux.
 *
 * Bytes for a port of the guest wait, up to KT_VM_SEND_MAX, until the guest has opened the
 * port and offers buffers; bytes of the guest are handed on at once. Of what the
 * handshake still owes the guest there is one of each kind at most, so a guest
 * that asks for ever costs nothing.
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

/* Called while the guest is served; they may send and must not do anything else to the device. */
struct kt_virtio_console_handlers {
	/* Bytes from the control port; data is borrowed for the call. */
	void (*on_data)(void *arg, const void *data, size_t len);
	/* Bytes from the terminal; NULL: there is none. */
	void (*on_terminal)(void *arg, const void *data, size_t len);
	void *arg; /* borrowed */
};

struct kt_virtio_console {
	struct kt_virtio_mmio mmio; /* the registers: where the machine's accesses go */
	struct kt_virtio_console_handlers handlers;
	struct kt_buf pending; /* for the guest */
	size_t sent;	       /* bytes of pending that the guest has, not yet consumed */
	struct kt_buf typed;   /* for the guest's terminal */
	size_t typed_sent;
	uint32_t due;	       /* one bit for each event that the guest is still to be told ... */
	uint32_t terminal_due; /* ... of port 0 */
	bool guest_open;
	bool terminal_open;
	bool interrupt;	 /* something was pushed that the driver wants to hear of */
	bool held;	 /* guest memory is left alone */
	uint32_t missed; /* one bit for each queue that was notified of while held */
};

/* mem and what host and handlers refer to are borrowed until deinit. */
void kt_virtio_console_init(struct kt_virtio_console *console, const struct kt_guest_mem *mem,
			    const struct kt_virtio_host *host,
			    const struct kt_virtio_console_handlers *handlers);
void kt_virtio_console_deinit(struct kt_virtio_console *console);

/* Queues bytes (copied). -ENOBUFS: more than KT_VM_SEND_MAX would wait; -ENOMEM. */
int kt_virtio_console_send(struct kt_virtio_console *console, const void *data,
			   size_t len) _kt_must_check_;

/* The same for the terminal. */
int kt_virtio_console_type(struct kt_virtio_console *console, const void *data,
			   size_t len) _kt_must_check_;

/*
 * Holds the device: neither memory nor interrupts of the guest are touched, and
 * notifications and bytes to send wait. Released, it makes up for them.
 */
void kt_virtio_console_hold(struct kt_virtio_console *console, bool hold);
