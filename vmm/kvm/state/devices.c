/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the devices; see devices.h. One list of fields per device serves writing and
 * reading; its order is the layout, little-endian, without padding. What is read is checked
 * as if the driver had set it up.
 */
#include "base/cleanup.h"
#include "base/cursor.h"
#include "vmm/kvm/state/devices.h"

#define STATUS_STEPS                                                                             \
	(KT_VIRTIO_STATUS_ACKNOWLEDGE | KT_VIRTIO_STATUS_DRIVER | KT_VIRTIO_STATUS_FEATURES_OK | \
	 KT_VIRTIO_STATUS_DRIVER_OK)
#define EVENTS_DUE                                                              \
	(1u << KT_VIRTIO_CONSOLE_PORT_ADD | 1u << KT_VIRTIO_CONSOLE_PORT_OPEN | \
	 1u << KT_VIRTIO_CONSOLE_PORT_NAME)
#define TERMINAL_DUE (1u << KT_VIRTIO_CONSOLE_PORT_ADD | 1u << KT_VIRTIO_CONSOLE_CONSOLE_PORT)

/* A walk over the fields of a device, for writing or reading, so that the two cannot differ. */
struct walk {
	struct kt_buf out; /* owned; while writing */
	struct kt_cursor in;
	bool reading;
	int error;
};

static uint64_t walk_value(struct walk *w, uint64_t value, size_t size)
{
	if (w->reading)
		return kt_cursor_le(&w->in, size);
	if (!w->error)
		w->error = kt_buf_append_le(&w->out, value, size);
	return value;
}

#define WALK(w, field) ((field) = (__typeof__(field))walk_value((w), (field), sizeof(field)))

static int finish_writing(struct walk *w, struct kt_buf *buf, enum kt_kvm_part part)
{
	int r = w->error;

	if (!r)
		r = kt_kvm_state_put(buf, part, 0, w->out.data, w->out.len);
	kt_buf_deinit(&w->out);
	return kt_forward(r);
}

static int refuse(struct kt_diag *diag, enum kt_kvm_part part, const char *what)
{
	kt_diag_cause(diag, "the part '%s' has %s", kt_kvm_part_name(part), what);
	kt_diag_doing(diag, "read the state of the bake");
	return KT_KVM_STATE_E_VALUE;
}

static int finish_reading(const struct walk *w, enum kt_kvm_part part, struct kt_diag *diag)
{
	return w->in.failed || kt_cursor_left(&w->in) ? refuse(diag, part, "a wrong size") : 0;
}

static struct walk walk_over(const struct kt_kvm_blob *blob)
{
	return (struct walk){ .in = kt_cursor_over(blob->data, blob->len), .reading = true };
}

/* ---- serial port ---- */

static void walk_serial(struct walk *w, struct kt_serial *serial)
{
	WALK(w, serial->divisor[0]);
	WALK(w, serial->divisor[1]);
	WALK(w, serial->ier);
	WALK(w, serial->lcr);
	WALK(w, serial->mcr);
	WALK(w, serial->msr_delta);
	WALK(w, serial->scr);
	WALK(w, serial->fifo);
	WALK(w, serial->overrun);
	WALK(w, serial->thre_pending);
	WALK(w, serial->irq);
	WALK(w, serial->rx_len);
	for (unsigned int i = 0; i < KT_SERIAL_FIFO; i++)
		WALK(w, serial->rx[i]);
}

int kt_kvm_put_serial(const struct kt_serial *serial, struct kt_buf *buf)
{
	struct kt_serial copy = *serial;
	struct walk w = { .out = KT_BUF_INIT(0) };

	walk_serial(&w, &copy);
	return kt_forward(finish_writing(&w, buf, KT_KVM_PART_SERIAL));
}

int kt_kvm_take_serial(struct kt_serial *serial, const struct kt_kvm_blob *blob,
		       struct kt_diag *diag)
{
	struct kt_serial copy = *serial;
	struct walk w = walk_over(blob);

	walk_serial(&w, &copy);
	KT_TRY(finish_reading(&w, KT_KVM_PART_SERIAL, diag));
	if (copy.rx_len > KT_SERIAL_FIFO)
		return refuse(diag, KT_KVM_PART_SERIAL, "more bytes than its receiver");
	*serial = copy;
	return 0;
}

/* ---- console ---- */

static void walk_queue(struct walk *w, struct kt_virtqueue *vq)
{
	WALK(w, vq->size);
	WALK(w, vq->desc);
	WALK(w, vq->avail);
	WALK(w, vq->used);
	WALK(w, vq->ready);
	WALK(w, vq->quiet);
	WALK(w, vq->next_avail);
	WALK(w, vq->next_used);
}

static void walk_console(struct walk *w, struct kt_virtio_console *console)
{
	struct kt_virtio_mmio *mmio = &console->mmio;

	WALK(w, mmio->status);
	WALK(w, mmio->interrupt_status);
	WALK(w, mmio->device_features_sel);
	WALK(w, mmio->driver_features_sel);
	WALK(w, mmio->queue_sel);
	WALK(w, mmio->driver_features);
	WALK(w, console->due);
	WALK(w, console->guest_open);
	WALK(w, console->terminal_due);
	WALK(w, console->terminal_open);
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		walk_queue(w, &mmio->queues[i]);
}

int kt_kvm_put_console(const struct kt_virtio_console *console, struct kt_buf *buf)
{
	struct kt_virtio_console copy = *console;
	struct walk w = { .out = KT_BUF_INIT(0) };

	walk_console(&w, &copy);
	return kt_forward(finish_writing(&w, buf, KT_KVM_PART_CONSOLE));
}

/* Steps are reached in order; of the other bits only FAILED is saved. */
static bool is_status(uint32_t status)
{
	static const uint32_t steps[] = { KT_VIRTIO_STATUS_ACKNOWLEDGE, KT_VIRTIO_STATUS_DRIVER,
					  KT_VIRTIO_STATUS_FEATURES_OK,
					  KT_VIRTIO_STATUS_DRIVER_OK };
	uint32_t reached = status & STATUS_STEPS, sum = 0;
	bool fits = !reached;

	for (size_t i = 0; i < KT_ARRAY_SIZE(steps); i++) {
		sum |= steps[i];
		fits = fits || reached == sum;
	}
	return fits && !(status & ~(STATUS_STEPS | KT_VIRTIO_STATUS_FAILED));
}

/* Whether a driver could have set the console up like this. NULL: yes; else what is wrong. */
static const char *judge_console(const struct kt_virtio_console *console)
{
	const struct kt_virtio_mmio *mmio = &console->mmio;
	bool agreed = mmio->status & KT_VIRTIO_STATUS_FEATURES_OK;

	if (!is_status(mmio->status))
		return "a status that cannot be";
	if (agreed && (!(mmio->driver_features & KT_VIRTIO_F_VERSION_1) ||
		       mmio->driver_features & ~mmio->ops->features))
		return "features that were not offered";
	if (mmio->interrupt_status & ~(KT_VIRTIO_INT_QUEUE | KT_VIRTIO_INT_CONFIG))
		return "an interrupt that cannot be";
	if (console->due & ~EVENTS_DUE || console->terminal_due & ~TERMINAL_DUE)
		return "an event that cannot be";
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		if (mmio->queues[i].ready && !agreed)
			return "a queue that is ready too early";
	return NULL;
}

/* Starts the queue as its driver would, which checks its rings, then sets its indices. */
static int start_queue(struct kt_virtqueue *vq, struct kt_diag *diag)
{
	const struct kt_virtqueue was = *vq;
	int r;

	if (!vq->ready)
		return 0;
	r = kt_virtqueue_start(vq, diag);
	vq->quiet = was.quiet;
	vq->next_avail = was.next_avail;
	vq->next_used = was.next_used;
	return r ? KT_KVM_STATE_E_VALUE : 0;
}

static int check_console(struct kt_virtio_console *console, struct kt_diag *diag)
{
	const char *fault = judge_console(console);
	int r = 0;

	if (fault)
		return refuse(diag, KT_KVM_PART_CONSOLE, fault);
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES && !r; i++)
		r = start_queue(&console->mmio.queues[i], diag);
	return r;
}

int kt_kvm_take_console(struct kt_virtio_console *console, const struct kt_kvm_blob *blob,
			struct kt_diag *diag)
{
	struct kt_virtio_console copy = *console;
	struct walk w = walk_over(blob);

	walk_console(&w, &copy);
	KT_TRY(finish_reading(&w, KT_KVM_PART_CONSOLE, diag));
	KT_TRY(check_console(&copy, diag));
	copy.mmio.condition = 0;
	kt_diag_reset(&copy.mmio.diag);
	copy.interrupt = false;
	copy.missed = (1u << KT_VIRTIO_CONSOLE_QUEUES) - 1;
	copy.sent = 0;
	copy.typed_sent = 0;
	kt_buf_consume(&copy.pending, copy.pending.len);
	kt_buf_consume(&copy.typed, copy.typed.len);
	*console = copy;
	return 0;
}
