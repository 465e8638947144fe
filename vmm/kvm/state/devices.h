/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the devices in a state, field by field: what the guest's drivers have
 * set up and where they are. Bytes that wait for the guest are not in it. Needs no
 * KVM. Layouts are in devices.c, next to the code that reads them.
 */
#pragma once

#include "vmm/kvm/device/serial.h"
#include "vmm/kvm/state/state.h"
#include "vmm/kvm/device/virtio-console.h"

int kt_kvm_put_serial(const struct kt_serial *serial, struct kt_buf *buf) _kt_must_check_;
int kt_kvm_put_console(const struct kt_virtio_console *console, struct kt_buf *buf) _kt_must_check_;

/*
 * Into a device that was initialised, or is used: bytes for the guest are dropped, and
 * the console, which must be held, looks at all its queues when it is released. VALUE
 * with diag, after which the device is as it was.
 */
int kt_kvm_take_serial(struct kt_serial *serial, const struct kt_kvm_blob *blob,
		       struct kt_diag *diag) _kt_must_check_;
int kt_kvm_take_console(struct kt_virtio_console *console, const struct kt_kvm_blob *blob,
			struct kt_diag *diag) _kt_must_check_;
