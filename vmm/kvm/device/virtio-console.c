/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console; see virtio-console.h. The handshake of Linux's
 * drivers/char/virtio_console.c, in order: the driver sends DEVICE_READY, the device
 * PORT_ADD, the driver PORT_READY, the device PORT_NAME and PORT_OPEN, the driver PORT_OPEN
 * when a program opens the port. Linux drops bytes that arrive earlier, so none are sent.
 * Registers are left to virtio-mmio.h, rings to virtqueue.h.
 */
#include <endian.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/msg.h"
#include "vmm/kvm/device/virtio-console.h"

#define DEVICE_ID 3 /* virtio 1.2 §5.3.1 */

/*
 * Bytes in one chain of a transmit queue; Linux uses at most 32 KiB, or the contents of a
 * pipe.
 */
#define TRANSMIT_MAX (1u << 20)

/* struct virtio_console_control: §5.3.6.2. */
struct control {
	uint32_t port;
	uint16_t event;
	uint16_t value;
};

/* cols, rows (u16 each), max_nr_ports, emerg_wr (u32 each): §5.3.4. */
static const uint8_t config[12] = { [4] = KT_VIRTIO_CONSOLE_PORT + 1 };

static struct kt_virtqueue *queue_of(struct kt_virtio_console *console,
				     enum kt_virtio_console_queue queue)
{
	return &console->mmio.queues[queue];
}

static int fault(struct kt_virtio_console *console, enum kt_virtio_condition condition,
		 const char *what)
{
	kt_diag_doing(&console->mmio.diag, "talk to the virtio-console driver of the guest");
	kt_diag_cause(&console->mmio.diag, "%s", what);
	kt_diag_remedy(&console->mmio.diag, "see console.log for what the guest says of it");
	return condition;
}

static int give_back(struct kt_virtio_console *console, struct kt_virtqueue *vq,
		     const struct kt_virtq_chain *chain, uint32_t written)
{
	int r = kt_virtqueue_push(vq, chain, written, &console->mmio.diag);

	if (!r && kt_virtqueue_wants_interrupt(vq))
		console->interrupt = true;
	return r;
}

/* Everything that was done to the queues ends here. */
static void finish(struct kt_virtio_console *console, int r)
{
	if (console->interrupt)
		kt_virtio_mmio_interrupt(&console->mmio);
	console->interrupt = false;
	if (r)
		kt_virtio_mmio_fail(&console->mmio, r);
}

/* ---- to the guest ---- */

/* Puts the next bytes into a chain that has room for one at least. */
typedef int (*put_fn)(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		      const struct kt_virtq_chain *chain, uint32_t *ret_written);

static bool owes_data(const struct kt_virtio_console *console)
{
	return console->guest_open && console->sent < console->pending.len;
}

static bool owes_typed(const struct kt_virtio_console *console)
{
	return console->terminal_open && console->typed_sent < console->typed.len;
}

static int put_bytes(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		     const struct kt_virtq_chain *chain, const struct kt_buf *buf, size_t *sent,
		     uint32_t *ret_written)
{
	uint32_t len = (uint32_t)KT_MIN(buf->len - *sent, (size_t)chain->writable_bytes);

	*ret_written = len;
	*sent += len;
	return kt_virtqueue_write(vq, chain, 0, buf->data + *sent - len, len, &console->mmio.diag);
}

static int put_data(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		    const struct kt_virtq_chain *chain, uint32_t *ret_written)
{
	return put_bytes(console, vq, chain, &console->pending, &console->sent, ret_written);
}

static int put_typed(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		     const struct kt_virtq_chain *chain, uint32_t *ret_written)
{
	return put_bytes(console, vq, chain, &console->typed, &console->typed_sent, ret_written);
}

static bool owes_event(const struct kt_virtio_console *console)
{
	return console->due || console->terminal_due;
}

/* A port is added, has a name and is open, in this order. */
static enum kt_virtio_console_event next_event(const struct kt_virtio_console *console)
{
	if (console->due & 1u << KT_VIRTIO_CONSOLE_PORT_ADD)
		return KT_VIRTIO_CONSOLE_PORT_ADD;
	if (console->due & 1u << KT_VIRTIO_CONSOLE_PORT_NAME)
		return KT_VIRTIO_CONSOLE_PORT_NAME;
	return KT_VIRTIO_CONSOLE_PORT_OPEN;
}

/* The terminal is added, and is a console then. */
static int put_terminal_event(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
			      const struct kt_virtq_chain *chain, uint32_t *ret_written)
{
	enum kt_virtio_console_event event =
		console->terminal_due & 1u << KT_VIRTIO_CONSOLE_PORT_ADD ?
			KT_VIRTIO_CONSOLE_PORT_ADD :
			KT_VIRTIO_CONSOLE_CONSOLE_PORT;
	const struct control message = { .port = htole32(KT_VIRTIO_CONSOLE_TERMINAL),
					 .event = htole16((uint16_t)event),
					 .value = htole16(1) };

	console->terminal_due &= ~(1u << event);
	*ret_written = sizeof(message);
	return kt_virtqueue_write(vq, chain, 0, &message, sizeof(message), &console->mmio.diag);
}

static int put_event(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		     const struct kt_virtq_chain *chain, uint32_t *ret_written)
{
	enum kt_virtio_console_event event = next_event(console);
	uint8_t message[sizeof(struct control) + sizeof(KT_PORT_CONTROL) - 1];
	struct control head = { .port = htole32(KT_VIRTIO_CONSOLE_PORT),
				.event = htole16((uint16_t)event),
				.value = htole16(1) };

	if (!console->due)
		return put_terminal_event(console, vq, chain, ret_written);
	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), KT_PORT_CONTROL, sizeof(message) - sizeof(head));
	console->due &= ~(1u << event);
	*ret_written = event == KT_VIRTIO_CONSOLE_PORT_NAME ? sizeof(message) : sizeof(head);
	return kt_virtqueue_write(vq, chain, 0, message, *ret_written, &console->mmio.diag);
}

static int fill_one(struct kt_virtio_console *console, struct kt_virtqueue *vq,
		    const struct kt_virtq_chain *chain, put_fn put)
{
	uint32_t written;

	if (chain->readable_count)
		return fault(console, KT_VIRTIO_E_DIRECTION,
			     "a buffer of a receive queue is not writable");
	if (!chain->writable_bytes)
		return fault(console, KT_VIRTIO_E_LENGTH,
			     "a buffer of a receive queue has no room");
	KT_TRY(put(console, vq, chain, &written));
	return kt_forward(give_back(console, vq, chain, written));
}

/*
 * Fills the driver's buffers while bytes or events wait. The driver is asked to notify only
 * while something waits for a buffer: otherwise every buffer that Linux puts into a receive
 * queue would cause an exit.
 */
static int fill(struct kt_virtio_console *console, enum kt_virtio_console_queue queue,
		bool (*owes)(const struct kt_virtio_console *console), put_fn put)
{
	struct kt_virtqueue *vq = queue_of(console, queue);
	struct kt_virtq_chain chain;
	int r;

	while (owes(console)) {
		r = kt_virtqueue_pop(vq, &chain, &console->mmio.diag);
		if (r == KT_VIRTIO_E_EMPTY && !vq->quiet)
			return 0;
		if (r == KT_VIRTIO_E_EMPTY)
			r = kt_virtqueue_set_quiet(vq, false, &console->mmio.diag);
		else if (!r)
			r = fill_one(console, vq, &chain, put);
		if (r)
			return r;
	}
	return kt_virtqueue_set_quiet(vq, true, &console->mmio.diag);
}

static int fill_all(struct kt_virtio_console *console)
{
	KT_TRY(fill(console, KT_VIRTIO_CONSOLE_CONTROL_RX, owes_event, put_event));
	KT_TRY(fill(console, KT_VIRTIO_CONSOLE_RX1, owes_data, put_data));
	return kt_forward(fill(console, KT_VIRTIO_CONSOLE_RX0, owes_typed, put_typed));
}

/* Sends waiting events and bytes, as far as the guest offers buffers. */
static void flush(struct kt_virtio_console *console)
{
	int r;

	if (console->held || !kt_virtio_mmio_live(&console->mmio))
		return;
	r = fill_all(console);
	if (console->sent)
		kt_buf_consume(&console->pending, console->sent);
	if (console->typed_sent)
		kt_buf_consume(&console->typed, console->typed_sent);
	console->sent = 0;
	console->typed_sent = 0;
	finish(console, r);
}

/* ---- from the guest ---- */

typedef int (*take_fn)(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		       const struct kt_virtq_chain *chain);

static int take_bytes(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		      const struct kt_virtq_chain *chain,
		      void (*on_bytes)(void *arg, const void *data, size_t len))
{
	uint8_t buf[4096];
	uint32_t len;
	int r;

	if (chain->readable_bytes > TRANSMIT_MAX)
		return fault(console, KT_VIRTIO_E_LENGTH, "more than 1 MiB is sent in one piece");
	for (uint32_t done = 0; done < chain->readable_bytes; done += len) {
		len = KT_MIN(chain->readable_bytes - done, (uint32_t)sizeof(buf));
		r = kt_virtqueue_read(vq, chain, done, buf, len, &console->mmio.diag);
		if (r)
			return r;
		on_bytes(console->handlers.arg, buf, len);
	}
	return 0;
}

static int take_data(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		     const struct kt_virtq_chain *chain)
{
	return take_bytes(console, vq, chain, console->handlers.on_data);
}

static int take_terminal(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
			 const struct kt_virtq_chain *chain)
{
	return console->handlers.on_terminal ?
		       take_bytes(console, vq, chain, console->handlers.on_terminal) :
		       0;
}

/*
 * Handles a message about port 0. A driver that has no use for port 0 does not end the
 * machine.
 */
static int handle_terminal_event(struct kt_virtio_console *console, uint16_t event, uint16_t value)
{
	if (event == KT_VIRTIO_CONSOLE_PORT_OPEN)
		console->terminal_open = value;
	else if (event != KT_VIRTIO_CONSOLE_PORT_READY)
		return fault(console, KT_VIRTIO_E_MESSAGE,
			     "a control message is none that a driver sends");
	else if (value == 1)
		console->terminal_due |= 1u << KT_VIRTIO_CONSOLE_CONSOLE_PORT;
	return 0;
}

static int handle_event(struct kt_virtio_console *console, uint32_t port, uint16_t event,
			uint16_t value)
{
	if (event == KT_VIRTIO_CONSOLE_DEVICE_READY) {
		if (value != 1)
			return fault(console, KT_VIRTIO_E_DRIVER,
				     "the driver could not set the device up");
		console->due |= 1u << KT_VIRTIO_CONSOLE_PORT_ADD;
		if (console->handlers.on_terminal)
			console->terminal_due |= 1u << KT_VIRTIO_CONSOLE_PORT_ADD;
		return 0;
	}
	if (port == KT_VIRTIO_CONSOLE_TERMINAL && console->handlers.on_terminal)
		return handle_terminal_event(console, event, value);
	if (port != KT_VIRTIO_CONSOLE_PORT)
		return fault(console, KT_VIRTIO_E_MESSAGE,
			     "a control message names no port of ours");
	if (event == KT_VIRTIO_CONSOLE_PORT_OPEN) {
		console->guest_open = value;
		return 0;
	}
	if (event != KT_VIRTIO_CONSOLE_PORT_READY)
		return fault(console, KT_VIRTIO_E_MESSAGE,
			     "a control message is none that a driver sends");
	if (value != 1)
		return fault(console, KT_VIRTIO_E_DRIVER,
			     "the driver could not set the control port up");
	console->due |= 1u << KT_VIRTIO_CONSOLE_PORT_NAME | 1u << KT_VIRTIO_CONSOLE_PORT_OPEN;
	return 0;
}

static int take_event(struct kt_virtio_console *console, const struct kt_virtqueue *vq,
		      const struct kt_virtq_chain *chain)
{
	struct control message;
	int r;

	if (chain->readable_bytes < sizeof(message))
		return fault(console, KT_VIRTIO_E_LENGTH, "a control message is too short");
	r = kt_virtqueue_read(vq, chain, 0, &message, sizeof(message), &console->mmio.diag);
	if (r)
		return r;
	return handle_event(console, le32toh(message.port), le16toh(message.event),
			    le16toh(message.value));
}

/*
 * Takes what is there now; the driver notifies of what it adds meanwhile. That a
 * handler sends, and the device fails over it, ends this as well.
 */
static void drain(struct kt_virtio_console *console, enum kt_virtio_console_queue queue,
		  take_fn take)
{
	struct kt_virtqueue *vq = queue_of(console, queue);
	struct kt_virtq_chain chain;
	unsigned int count;
	int r;

	r = kt_virtqueue_pending(vq, &count, &console->mmio.diag);
	while (!r && count-- && kt_virtio_mmio_live(&console->mmio)) {
		r = kt_virtqueue_pop(vq, &chain, &console->mmio.diag);
		if (!r && chain.writable_bytes)
			r = fault(console, KT_VIRTIO_E_DIRECTION,
				  "a buffer of a transmit queue is not readable");
		if (!r)
			r = take(console, vq, &chain);
		if (!r)
			r = give_back(console, vq, &chain, 0);
	}
	/* EMPTY: the guest has set the index back meanwhile. */
	finish(console, r == KT_VIRTIO_E_EMPTY ? 0 : r);
}

/* ---- the device ---- */

static void on_notify(void *device, unsigned int queue)
{
	struct kt_virtio_console *console = device;

	if (console->held) {
		console->missed |= 1u << queue;
		return;
	}
	if (queue == KT_VIRTIO_CONSOLE_TX0)
		drain(console, queue, take_terminal);
	/* The other queues are there only with several ports (§5.3.2). */
	if (!kt_virtio_mmio_has_feature(&console->mmio, KT_VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	if (queue == KT_VIRTIO_CONSOLE_CONTROL_TX)
		drain(console, queue, take_event);
	else if (queue == KT_VIRTIO_CONSOLE_TX1)
		drain(console, queue, take_data);
	flush(console);
}

static void on_start(void *device)
{
	flush(device);
}

/* What waits for the guest waits on: its driver may only be starting over. */
static void on_reset(void *device)
{
	struct kt_virtio_console *console = device;

	console->due = 0;
	console->terminal_due = 0;
	console->guest_open = false;
	console->terminal_open = false;
	console->interrupt = false;
	console->missed = 0;
}

static const struct kt_virtio_ops ops = {
	.device_id = DEVICE_ID,
	.features = KT_VIRTIO_F_VERSION_1 | UINT64_C(1) << KT_VIRTIO_CONSOLE_F_MULTIPORT,
	.queue_count = KT_VIRTIO_CONSOLE_QUEUES,
	.config = config,
	.config_len = sizeof(config),
	.start = on_start,
	.reset = on_reset,
	.notify = on_notify,
};

void kt_virtio_console_init(struct kt_virtio_console *console, const struct kt_ram *ram,
			    const struct kt_virtio_host *host,
			    const struct kt_virtio_console_handlers *handlers)
{
	*console = (struct kt_virtio_console){ .handlers = *handlers,
					       .pending = KT_BUF_INIT(KT_VM_SEND_MAX),
					       .typed = KT_BUF_INIT(KT_VM_SEND_MAX) };
	kt_virtio_mmio_init(&console->mmio, &ops, console, ram, host);
}

void kt_virtio_console_deinit(struct kt_virtio_console *console)
{
	kt_buf_deinit(&console->pending);
	kt_buf_deinit(&console->typed);
}

static int queue_bytes(struct kt_virtio_console *console, struct kt_buf *queue, const void *data,
		       size_t len)
{
	if (!kt_buf_has_room(queue, len))
		return KT_VM_E_FULL;
	KT_TRY(kt_buf_append(queue, data, len));
	flush(console);
	return 0;
}

int kt_virtio_console_send(struct kt_virtio_console *console, const void *data, size_t len)
{
	return kt_forward(queue_bytes(console, &console->pending, data, len));
}

int kt_virtio_console_type(struct kt_virtio_console *console, const void *data, size_t len)
{
	return kt_forward(queue_bytes(console, &console->typed, data, len));
}

void kt_virtio_console_hold(struct kt_virtio_console *console, bool hold)
{
	uint32_t missed = console->missed;

	console->held = hold;
	if (hold)
		return;
	console->missed = 0;
	for (unsigned int queue = 0; queue < KT_VIRTIO_CONSOLE_QUEUES; queue++)
		if (missed & 1u << queue)
			kt_virtio_mmio_notify(&console->mmio, queue);
	flush(console);
}
