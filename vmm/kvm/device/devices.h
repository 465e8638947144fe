/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All devices of a machine under KVM, connected to its bus, its interrupts and the event
 * loop:
 *
 *   COM1           kernel console         accesses on vCPU threads
 *   virtio-mmio 0  console, control port  queues on the loop (ioeventfd, irqfd)
 *   port 0x64      reset                  ends the machine
 *   port 0x600     power-off              ends the machine
 *
 * Bytes that the guest writes to a stream wait in the stream's outbox for the loop.
 */
#pragma once

#include "vmm/ram.h"
#include "vmm/kvm/device/i8042.h"
#include "vmm/kvm/machine.h"
#include "vmm/kvm/device/outbox.h"
#include "vmm/kvm/device/serial.h"
#include "vmm/kvm/state/state.h"
#include "vmm/kvm/device/virtio-console.h"

#define KT_KVM_VIRTIO_COUNT 1u /* virtio-mmio devices */

struct kt_kvm_devices {
	struct kt_kvm *kvm;	  /* borrowed */
	const struct kt_ram *ram; /* borrowed */
	struct kt_outbox outboxes[KT_VM_STREAM_COUNT_];

	pthread_mutex_t serial_lock;
	struct kt_serial serial;
	struct kt_i8042 i8042;

	pthread_mutex_t console_lock;
	struct kt_virtio_console console;
	bool has_console;
	int interrupt_fd;			  /* owned; irqfd */
	int notify_fds[KT_VIRTIO_CONSOLE_QUEUES]; /* owned; ioeventfds, one per queue */
};

#define KT_KVM_DEVICES_INIT \
	((struct kt_kvm_devices){ .interrupt_fd = -1, .notify_fds = { -1, -1, -1, -1, -1, -1 } })

/*
 * Adds the devices to a machine that is not started. kvm and ram are borrowed until
 * kt_kvm_devices_deinit(), before which kvm must have been freed. Negative errno with diag.
 */
int kt_kvm_devices_init(struct kt_kvm_devices *devices, struct kt_kvm *kvm,
			const struct kt_ram *ram, struct kt_diag *diag) _kt_must_check_;
/* Accepts KT_KVM_DEVICES_INIT, and devices whose initialisation failed. */
void kt_kvm_devices_deinit(struct kt_kvm_devices *devices);

/* ---- on the loop's thread ---- */

/* Serves a queue; called when its notify_fd is readable. */
void kt_kvm_devices_notified(struct kt_kvm_devices *devices, unsigned int queue);

/* Queues bytes for the stream CONTROL or TERMINAL, as kt_virtio_console_send(). */
int kt_kvm_devices_send(struct kt_kvm_devices *devices, enum kt_vm_stream stream, const void *data,
			size_t len) _kt_must_check_;

/*
 * hold true: the devices leave guest memory unchanged, while the vCPUs do not run. false: the
 * devices serve the notifications that came meanwhile.
 */
void kt_kvm_devices_hold(struct kt_kvm_devices *devices, bool hold);

/* hurry true: vCPU threads do not wait for the loop to take their output. */
void kt_kvm_devices_hurry(struct kt_kvm_devices *devices, bool hurry);

/* ---- while they are held, and no vCPU runs ---- */

/* Appends the parts of the devices to a state. Negative errno. */
int kt_kvm_devices_save(struct kt_kvm_devices *devices, struct kt_buf *buf) _kt_must_check_;

/*
 * Restores the devices, after the interrupt controllers. Bytes on their way in either
 * direction are dropped. Conditions of enum kt_kvm_state_condition, with diag.
 */
int kt_kvm_devices_restore(struct kt_kvm_devices *devices, const struct kt_kvm_saved *saved,
			   struct kt_diag *diag) _kt_must_check_;
