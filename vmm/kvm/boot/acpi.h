/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables of a machine: its CPUs, interrupt controllers, NUMA nodes and devices. The
 * machine is hardware-reduced ACPI, so that Linux looks for no legacy timers, interrupt
 * controllers and fixed registers. The tables are made in a buffer, which the caller copies
 * to KT_KVM_ACPI_ADDR.
 *
 *   RSDP -> XSDT -> FADT -> DSDT   serial port, virtio-mmio devices
 *                -> MADT           LAPICs, IOAPIC
 *                -> SRAT           nodes of CPUs and memory
 *                -> SLIT           distances of nodes
 *                -> HMAT           the distances as latency and bandwidth
 *
 * Sections are those of the ACPI specification 6.5.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/topology.h"
#include "vmm/vm.h"

struct kt_kvm_acpi_spec {
	const struct kt_topology *topo; /* passed kt_kvm_topology_check(); borrowed for the call */
	const struct kt_vm_bank *banks; /* of RAM; borrowed for the call */
	size_t bank_count;
	unsigned int virtio_devices; /* at most KT_KVM_VIRTIO_MAX */
};

/* The tables, as indices of their offsets in the buffer; for tests and dumps. */
enum kt_kvm_acpi_table {
	KT_KVM_ACPI_RSDP,
	KT_KVM_ACPI_DSDT,
	KT_KVM_ACPI_FADT,
	KT_KVM_ACPI_MADT,
	KT_KVM_ACPI_SRAT,
	KT_KVM_ACPI_SLIT,
	KT_KVM_ACPI_HMAT,
	KT_KVM_ACPI_XSDT,
	KT_KVM_ACPI_COUNT_,
};

struct kt_kvm_acpi {
	struct kt_buf image; /* owned; for KT_KVM_ACPI_ADDR */
	size_t offsets[KT_KVM_ACPI_COUNT_];
};

/* -ENOMEM. -ENOBUFS: more than KT_KVM_ACPI_BYTES, which a checked topology does not need. */
int kt_kvm_acpi_make(struct kt_kvm_acpi *ret_acpi,
		     const struct kt_kvm_acpi_spec *spec) _kt_must_check_;
void kt_kvm_acpi_deinit(struct kt_kvm_acpi *acpi);
