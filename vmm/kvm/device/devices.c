/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices of a machine under KVM; see devices.h. This file connects the device models,
 * which know neither KVM nor threads, to the machine: traps on the bus, interrupts
 * (KVM_IRQ_LINE, irqfd), notifications (ioeventfd) and outboxes, with one lock per device.
 * The models are in the other files of this folder.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "vmm/kvm/device/devices.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/layout.h"
#include "vmm/kvm/state/devices.h"

/* ---- serial port ---- */

static void on_serial_output(void *arg, const void *data, size_t len)
{
	struct kt_kvm_devices *devices = arg;

	kt_outbox_put(&devices->outboxes[KT_VM_STREAM_CONSOLE], data, len);
}

/* KVM cannot refuse an existing pin, so a failure is folded. */
static void on_serial_irq(void *arg, bool level)
{
	struct kt_kvm_devices *devices = arg;
	struct kvm_irq_level irq = { .irq = KT_KVM_SERIAL_GSI, .level = level };

	(void)kt_fold(kt_ioctl(kt_kvm_vm_fd(devices->kvm), KVM_IRQ_LINE, &irq, NULL));
}

static void access_serial(void *arg, const struct kt_bus_access *access)
{
	struct kt_kvm_devices *devices = arg;

	if (access->len != 1)
		return;
	pthread_mutex_lock(&devices->serial_lock);
	if (access->is_write)
		kt_serial_write(&devices->serial, (unsigned int)access->offset, access->data, 1);
	else
		*access->data = kt_serial_read(&devices->serial, (unsigned int)access->offset);
	pthread_mutex_unlock(&devices->serial_lock);
	kt_outbox_wait_room(&devices->outboxes[KT_VM_STREAM_CONSOLE]);
}

/* ---- reset and power-off ---- */

static void on_reset(void *arg)
{
	struct kt_kvm_devices *devices = arg;
	const struct kt_kvm_end end = { .reason = KT_KVM_END_RESET };

	kt_kvm_end(devices->kvm, &end);
}

static void access_i8042(void *arg, const struct kt_bus_access *access)
{
	struct kt_kvm_devices *devices = arg;

	if (access->is_write)
		kt_i8042_write(&devices->i8042, KT_KVM_RESET_PORT, access->data[0]);
	else
		access->data[0] = kt_i8042_read(&devices->i8042, KT_KVM_RESET_PORT);
}

/* Sleep control and status registers; the status is 0 until a wake-up, which never happens. */
static void access_sleep(void *arg, const struct kt_bus_access *access)
{
	struct kt_kvm_devices *devices = arg;
	const struct kt_kvm_end end = { .reason = KT_KVM_END_POWEROFF, .vcpu = access->vcpu };

	if (!access->is_write)
		memset(access->data, 0, access->len);
	else if (!access->offset && access->data[0] == KT_KVM_SLEEP_S5_VALUE)
		kt_kvm_end(devices->kvm, &end);
}

/* ---- virtio-console ---- */

static void raise_interrupt(void *arg)
{
	struct kt_kvm_devices *devices = arg;

	eventfd_write(devices->interrupt_fd, 1);
}

/* A machine without its control channel cannot be used. */
static void on_console_failed(void *arg, enum kt_virtio_condition condition,
			      const struct kt_diag *diag)
{
	struct kt_kvm_devices *devices = arg;
	const struct kt_kvm_end end = { .reason = KT_KVM_END_ERROR, .diag = *diag };

	kt_kvm_end(devices->kvm, &end);
}

static void on_control_data(void *arg, const void *data, size_t len)
{
	struct kt_kvm_devices *devices = arg;

	kt_outbox_put(&devices->outboxes[KT_VM_STREAM_CONTROL], data, len);
}

static void on_terminal_data(void *arg, const void *data, size_t len)
{
	struct kt_kvm_devices *devices = arg;

	kt_outbox_put(&devices->outboxes[KT_VM_STREAM_TERMINAL], data, len);
}

static void access_virtio(void *arg, const struct kt_bus_access *access)
{
	struct kt_kvm_devices *devices = arg;
	struct kt_virtio_mmio *mmio = &devices->console.mmio;

	pthread_mutex_lock(&devices->console_lock);
	if (access->is_write)
		kt_virtio_mmio_write(mmio, access->offset, access->data, access->len);
	else
		kt_virtio_mmio_read(mmio, access->offset, access->data, access->len);
	pthread_mutex_unlock(&devices->console_lock);
}

void kt_kvm_devices_notified(struct kt_kvm_devices *devices, unsigned int queue)
{
	eventfd_t count;

	if (eventfd_read(devices->notify_fds[queue], &count))
		return;
	pthread_mutex_lock(&devices->console_lock);
	kt_virtio_mmio_notify(&devices->console.mmio, queue);
	pthread_mutex_unlock(&devices->console_lock);
}

int kt_kvm_devices_send(struct kt_kvm_devices *devices, enum kt_vm_stream stream, const void *data,
			size_t len)
{
	int r;

	pthread_mutex_lock(&devices->console_lock);
	r = stream == KT_VM_STREAM_TERMINAL ? kt_virtio_console_type(&devices->console, data, len) :
					      kt_virtio_console_send(&devices->console, data, len);
	pthread_mutex_unlock(&devices->console_lock);
	return kt_forward(r);
}

void kt_kvm_devices_hold(struct kt_kvm_devices *devices, bool hold)
{
	pthread_mutex_lock(&devices->console_lock);
	kt_virtio_console_hold(&devices->console, hold);
	pthread_mutex_unlock(&devices->console_lock);
}

void kt_kvm_devices_hurry(struct kt_kvm_devices *devices, bool hurry)
{
	kt_outbox_hurry(&devices->outboxes[KT_VM_STREAM_CONSOLE], hurry);
}

/* ---- saving ---- */

/* Unread notifications are not saved, because a restored console looks at all its queues. */
int kt_kvm_devices_save(struct kt_kvm_devices *devices, struct kt_buf *buf)
{
	int r;

	pthread_mutex_lock(&devices->serial_lock);
	r = kt_kvm_put_serial(&devices->serial, buf);
	pthread_mutex_unlock(&devices->serial_lock);
	if (r)
		return kt_forward(r);
	pthread_mutex_lock(&devices->console_lock);
	r = kt_kvm_put_console(&devices->console, buf);
	pthread_mutex_unlock(&devices->console_lock);
	return kt_forward(r);
}

static void drop_bytes(struct kt_kvm_devices *devices)
{
	eventfd_t count;

	for (unsigned int i = 0; i < KT_VM_STREAM_COUNT_; i++) {
		struct kt_buf bytes = KT_BUF_INIT(0);

		/* Bytes lost before belong to the machine's former state. */
		(void)kt_fold(kt_outbox_take(&devices->outboxes[i], &bytes));
		kt_buf_deinit(&bytes);
	}
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		eventfd_read(devices->notify_fds[i], &count);
}

/*
 * KVM keeps the level of a pin outside the state. An interrupt that the eventfd has raised
 * may not have reached the IOAPIC at the save, because KVM delivers it asynchronously. So it
 * is raised once more; a driver without work ignores it.
 */
static void restore_pins(struct kt_kvm_devices *devices)
{
	on_serial_irq(devices, devices->serial.irq);
	if (devices->console.mmio.interrupt_status)
		raise_interrupt(devices);
}

int kt_kvm_devices_restore(struct kt_kvm_devices *devices, const struct kt_kvm_saved *saved,
			   struct kt_diag *diag)
{
	const struct kt_kvm_blob *serial = kt_kvm_state_part(saved, KT_KVM_PART_SERIAL, 0);
	const struct kt_kvm_blob *console = kt_kvm_state_part(saved, KT_KVM_PART_CONSOLE, 0);
	int r;

	if (!serial->data || !console->data)
		return kt_fail(diag, KT_KVM_STATE_E_MISSING,
			       "the state is of a machine without devices");
	drop_bytes(devices);
	pthread_mutex_lock(&devices->serial_lock);
	r = kt_kvm_take_serial(&devices->serial, serial, diag);
	pthread_mutex_unlock(&devices->serial_lock);
	if (r)
		return kt_forward(r);
	pthread_mutex_lock(&devices->console_lock);
	r = kt_kvm_take_console(&devices->console, console, diag);
	pthread_mutex_unlock(&devices->console_lock);
	if (!r)
		restore_pins(devices);
	return kt_forward(r);
}

/* ---- wiring ---- */

static int create_eventfd(int *ret_fd)
{
	*ret_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *ret_fd < 0 ? kt_raise(-errno) : 0;
}

static int wire_interrupt(struct kt_kvm_devices *devices, struct kt_diag *diag)
{
	struct kvm_irqfd irqfd = { .gsi = KT_KVM_VIRTIO_GSI };
	int r = create_eventfd(&devices->interrupt_fd);

	irqfd.fd = (uint32_t)devices->interrupt_fd;
	return r ? kt_forward(r) :
		   kt_forward(kt_ioctl(kt_kvm_vm_fd(devices->kvm), KVM_IRQFD, &irqfd, diag));
}

/* KVM turns a notification into an event for the loop, without an exit. */
static int wire_queue(struct kt_kvm_devices *devices, unsigned int queue, struct kt_diag *diag)
{
	struct kvm_ioeventfd event = {
		.datamatch = queue,
		.addr = KT_KVM_VIRTIO_ADDR + KT_VIRTIO_MMIO_QUEUE_NOTIFY,
		.len = 4,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int r = create_eventfd(&devices->notify_fds[queue]);

	event.fd = devices->notify_fds[queue];
	return r ? kt_forward(r) :
		   kt_forward(kt_ioctl(kt_kvm_vm_fd(devices->kvm), KVM_IOEVENTFD, &event, diag));
}

static int wire_console(struct kt_kvm_devices *devices, struct kt_diag *diag)
{
	const struct kt_virtio_host host = { .interrupt = raise_interrupt,
					     .failed = on_console_failed,
					     .arg = devices };
	const struct kt_virtio_console_handlers handlers = { .on_data = on_control_data,
							     .on_terminal = on_terminal_data,
							     .arg = devices };

	kt_virtio_console_init(&devices->console, devices->ram, &host, &handlers);
	devices->has_console = true;
	KT_TRY(wire_interrupt(devices, diag));
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		KT_TRY(wire_queue(devices, i, diag));
	return 0;
}

/* ktest chooses the ranges, so a refusal is a mistake in ktest. */
static int add_traps(struct kt_kvm_devices *devices)
{
	const struct {
		enum kt_bus_space space;
		struct kt_bus_trap trap;
	} traps[] = {
		{ KT_BUS_PORT, { KT_KVM_SERIAL_PORT, KT_KVM_SERIAL_PORTS, access_serial } },
		{ KT_BUS_PORT, { KT_KVM_RESET_PORT, 1, access_i8042 } },
		{ KT_BUS_PORT, { KT_KVM_SLEEP_CONTROL_PORT, 2, access_sleep } },
		{ KT_BUS_MMIO, { KT_KVM_VIRTIO_ADDR, KT_VIRTIO_MMIO_SIZE, access_virtio } },
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(traps); i++) {
		struct kt_bus_trap trap = traps[i].trap;

		trap.arg = devices;
		KT_TRY(kt_fold(kt_bus_add(kt_kvm_bus(devices->kvm), traps[i].space, &trap)));
	}
	return 0;
}

static int wire(struct kt_kvm_devices *devices, struct kt_diag *diag)
{
	for (unsigned int i = 0; i < KT_VM_STREAM_COUNT_; i++)
		KT_TRY(kt_outbox_init(&devices->outboxes[i]));
	KT_TRY(wire_console(devices, diag));
	return kt_forward(add_traps(devices));
}

int kt_kvm_devices_init(struct kt_kvm_devices *devices, struct kt_kvm *kvm,
			const struct kt_ram *ram, struct kt_diag *diag)
{
	const struct kt_serial_handlers serial = { .on_output = on_serial_output,
						   .on_irq = on_serial_irq,
						   .arg = devices };
	int r;

	*devices = KT_KVM_DEVICES_INIT;
	devices->kvm = kvm;
	devices->i8042 = (struct kt_i8042){ .on_reset = on_reset, .arg = devices };
	pthread_mutex_init(&devices->serial_lock, NULL);
	pthread_mutex_init(&devices->console_lock, NULL);
	devices->ram = ram;
	kt_serial_init(&devices->serial, &serial);
	r = wire(devices, diag);
	if (r) {
		kt_diag_cause(diag, "%s", strerror(-r)); /* unless the cause is known */
		kt_diag_doing(diag, "set up the devices");
	}
	return kt_forward(r);
}

void kt_kvm_devices_deinit(struct kt_kvm_devices *devices)
{
	if (devices->has_console)
		kt_virtio_console_deinit(&devices->console);
	for (unsigned int i = 0; i < KT_VM_STREAM_COUNT_; i++)
		kt_outbox_deinit(&devices->outboxes[i]);
	for (unsigned int i = 0; i < KT_VIRTIO_CONSOLE_QUEUES; i++)
		kt_closep(&devices->notify_fds[i]);
	kt_closep(&devices->interrupt_fd);
	*devices = KT_KVM_DEVICES_INIT;
}
