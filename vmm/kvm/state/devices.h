/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the devices in a state, field by field: what the guest's drivers have set up,
 * and how far they are. Bytes that wait for the guest are not saved. Needs no KVM. devices.c
 * defines the layouts.
 */
#pragma once

#include "vmm/kvm/device/serial.h"
#include "vmm/kvm/state/state.h"
#include "vmm/kvm/device/virtio-console.h"

int kt_kvm_put_serial(const struct kt_serial *serial, struct kt_buf *buf) _kt_must_check_;
int kt_kvm_put_console(const struct kt_virtio_console *console, struct kt_buf *buf) _kt_must_check_;

/*
 * Restores a device that was initialised, and may have been in use: bytes for the guest are
 * dropped. The console must be held; when it is released, it looks at all its queues.
 * KT_KVM_STATE_E_VALUE with diag: the device is unchanged.
 */
int kt_kvm_take_serial(struct kt_serial *serial, const struct kt_kvm_blob *blob,
		       struct kt_diag *diag) _kt_must_check_;
int kt_kvm_take_console(struct kt_virtio_console *console, const struct kt_kvm_blob *blob,
			struct kt_diag *diag) _kt_must_check_;
