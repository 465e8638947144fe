/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Appends ACPI tables to a buffer: a table's length and checksum are filled in when the table
 * is closed. After the first failure, which is kept in `error`, all functions do nothing, so
 * that the caller checks once. Private to acpi*.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct kt_kvm_acpi_spec;

struct kt_acpi_writer {
	struct kt_buf *buf; /* borrowed */
	size_t table;	    /* offset of the open table */
	int error;	    /* 0 or the first negative errno */
};

void kt_acpi_bytes(struct kt_acpi_writer *w, const void *data, size_t len);
void kt_acpi_zeros(struct kt_acpi_writer *w, size_t len);
/* Append an integer of the size in the name, little-endian. */
void kt_acpi_u8(struct kt_acpi_writer *w, uint64_t value);
void kt_acpi_u16(struct kt_acpi_writer *w, uint64_t value);
void kt_acpi_u32(struct kt_acpi_writer *w, uint64_t value);
void kt_acpi_u64(struct kt_acpi_writer *w, uint64_t value);

/* Overwrites size bytes at `offset` from the start of the buffer. */
void kt_acpi_patch(struct kt_acpi_writer *w, size_t offset, uint64_t value, unsigned int size);
/* Sets the byte at `offset` so that the bytes of [start, start + len) sum up to 0. */
void kt_acpi_checksum(struct kt_acpi_writer *w, size_t start, size_t len, size_t offset);

/*
 * Begins a table with its header (5.2.6) at the next multiple of 16. Returns the table's
 * offset.
 */
size_t kt_acpi_begin(struct kt_acpi_writer *w, const char signature[4], unsigned int revision);
void kt_acpi_end(struct kt_acpi_writer *w);

void kt_acpi_dsdt(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec);
void kt_acpi_srat(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec);
void kt_acpi_slit(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec);
void kt_acpi_hmat(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec);
