/* SPDX-License-Identifier: GPL-2.0-only */
/* Appends ACPI tables to a buffer; see acpi-table.h. */
#include "base/cursor.h"
#include "vmm/kvm/boot/acpi-table.h"

#define ALIGN		16u
#define LENGTH_OFFSET	4u
#define CHECKSUM_OFFSET 9u

void kt_acpi_bytes(struct kt_acpi_writer *w, const void *data, size_t len)
{
	if (!w->error)
		w->error = kt_buf_append(w->buf, data, len);
}

void kt_acpi_zeros(struct kt_acpi_writer *w, size_t len)
{
	while (len--)
		kt_acpi_u8(w, 0);
}

static void append_le(struct kt_acpi_writer *w, uint64_t value, unsigned int size)
{
	if (!w->error)
		w->error = kt_buf_append_le(w->buf, value, size);
}

void kt_acpi_u8(struct kt_acpi_writer *w, uint64_t value)
{
	append_le(w, value, 1);
}

void kt_acpi_u16(struct kt_acpi_writer *w, uint64_t value)
{
	append_le(w, value, 2);
}

void kt_acpi_u32(struct kt_acpi_writer *w, uint64_t value)
{
	append_le(w, value, 4);
}

void kt_acpi_u64(struct kt_acpi_writer *w, uint64_t value)
{
	append_le(w, value, 8);
}

void kt_acpi_patch(struct kt_acpi_writer *w, size_t offset, uint64_t value, unsigned int size)
{
	if (!w->error)
		kt_put_le(w->buf->data + offset, value, size);
}

void kt_acpi_checksum(struct kt_acpi_writer *w, size_t start, size_t len, size_t offset)
{
	uint8_t sum = 0;

	if (w->error)
		return;
	w->buf->data[offset] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + w->buf->data[start + i]);
	w->buf->data[offset] = (uint8_t)-sum;
}

size_t kt_acpi_begin(struct kt_acpi_writer *w, const char signature[4], unsigned int revision)
{
	kt_acpi_zeros(w, -w->buf->len % ALIGN);
	w->table = w->buf->len;
	kt_acpi_bytes(w, signature, 4);
	kt_acpi_u32(w, 0); /* length */
	kt_acpi_u8(w, revision);
	kt_acpi_u8(w, 0); /* checksum */
	kt_acpi_bytes(w, "KTEST ", 6);
	kt_acpi_bytes(w, "KTESTKVM", 8);
	kt_acpi_u32(w, 1); /* revision of these tables */
	kt_acpi_bytes(w, "KTST", 4);
	kt_acpi_u32(w, 1);
	return w->table;
}

void kt_acpi_end(struct kt_acpi_writer *w)
{
	size_t len = w->buf->len - w->table;

	kt_acpi_patch(w, w->table + LENGTH_OFFSET, len, 4);
	kt_acpi_checksum(w, w->table, len, w->table + CHECKSUM_OFFSET);
}
