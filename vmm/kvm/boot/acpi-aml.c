/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DSDT: the devices that Linux cannot discover, and power-off. The AML is written byte by
 * byte (encoding: ACPI 6.5, 20.2; resource descriptors: 6.4).
 *
 *   Name (_S5, Package {5, 0, 0, 0})
 *   Scope (\_SB) {
 *     Device (COM1) { PNP0501, its ports and interrupt }
 *     Device (VIO0) { LNRO0005, registers and interrupt } ...
 *   }
 */
#include "vmm/kvm/boot/acpi-table.h"
#include "vmm/kvm/boot/acpi.h"
#include "vmm/kvm/layout.h"

#define OP_ZERO	   0x00u
#define OP_NAME	   0x08u
#define OP_BYTE	   0x0au
#define OP_STRING  0x0du
#define OP_SCOPE   0x10u
#define OP_BUFFER  0x11u
#define OP_PACKAGE 0x12u
#define OP_EXT	   0x5bu
#define OP_DEVICE  0x82u /* behind OP_EXT */

#define END_TAG 0x79u

/*
 * A PkgLength includes its own bytes. It always takes 3 bytes (20 bits of length), so that it
 * can be filled in when the contents are known.
 */
#define LENGTH_BYTES 3u

static size_t open_length(struct kt_acpi_writer *w)
{
	kt_acpi_zeros(w, LENGTH_BYTES);
	return w->buf->len - (w->error ? 0 : LENGTH_BYTES);
}

static void close_length(struct kt_acpi_writer *w, size_t at)
{
	size_t len = w->buf->len - at;

	kt_acpi_patch(w, at, (LENGTH_BYTES - 1) << 6 | (len & 0xf) | len >> 4 << 8, LENGTH_BYTES);
}

static void name(struct kt_acpi_writer *w, const char segment[4])
{
	kt_acpi_u8(w, OP_NAME);
	kt_acpi_bytes(w, segment, 4);
}

static void byte(struct kt_acpi_writer *w, unsigned int value)
{
	kt_acpi_u8(w, OP_BYTE);
	kt_acpi_u8(w, value);
}

static void string(struct kt_acpi_writer *w, const char *text, size_t size)
{
	kt_acpi_u8(w, OP_STRING);
	kt_acpi_bytes(w, text, size);
}

/* ---- resources ---- */

static void io_ports(struct kt_acpi_writer *w, unsigned int port, unsigned int count)
{
	kt_acpi_u8(w, 0x47);
	kt_acpi_u8(w, 1); /* 16 address lines are decoded */
	kt_acpi_u16(w, port);
	kt_acpi_u16(w, port);
	kt_acpi_u8(w, 1);
	kt_acpi_u8(w, count);
}

static void memory(struct kt_acpi_writer *w, uint64_t addr, uint64_t len)
{
	kt_acpi_u8(w, 0x86);
	kt_acpi_u16(w, 9);
	kt_acpi_u8(w, 1); /* read and write */
	kt_acpi_u32(w, addr);
	kt_acpi_u32(w, len);
}

/* Consumed, edge-triggered, active high, not shared, as the pulse of an irqfd. */
static void interrupt(struct kt_acpi_writer *w, unsigned int gsi)
{
	kt_acpi_u8(w, 0x89);
	kt_acpi_u16(w, 6);
	kt_acpi_u8(w, 1 | 1u << 1);
	kt_acpi_u8(w, 1);
	kt_acpi_u32(w, gsi);
}

/* A _CRS is a buffer of descriptors; both lengths are filled in at the end. */
struct resources {
	size_t package, size, data;
};

static struct resources open_resources(struct kt_acpi_writer *w)
{
	struct resources r;

	name(w, "_CRS");
	kt_acpi_u8(w, OP_BUFFER);
	r.package = open_length(w);
	byte(w, 0);
	r.data = w->buf->len;
	r.size = r.data - 1;
	return r;
}

static void close_resources(struct kt_acpi_writer *w, struct resources r)
{
	kt_acpi_u8(w, END_TAG);
	kt_acpi_u8(w, 0); /* no checksum */
	kt_acpi_patch(w, r.size, w->buf->len - r.data, 1);
	close_length(w, r.package);
}

/* ---- devices ---- */

static size_t open_device(struct kt_acpi_writer *w, const char segment[4], unsigned int number)
{
	size_t at;

	kt_acpi_u8(w, OP_EXT);
	kt_acpi_u8(w, OP_DEVICE);
	at = open_length(w);
	kt_acpi_bytes(w, segment, 3);
	kt_acpi_u8(w, '0' + number);
	return at;
}

static void serial_port(struct kt_acpi_writer *w)
{
	/* EISAID ("PNP0501"), 19.3.4: three letters of 5 bits, four hex digits. */
	static const uint8_t eisa_id[] = { 0x0c, 0x41, 0xd0, 0x05, 0x01 };
	size_t at = open_device(w, "COM", 1);
	struct resources r;

	name(w, "_HID");
	kt_acpi_bytes(w, eisa_id, sizeof(eisa_id));
	name(w, "_UID");
	kt_acpi_u8(w, OP_ZERO);
	r = open_resources(w);
	io_ports(w, KT_KVM_SERIAL_PORT, KT_KVM_SERIAL_PORTS);
	interrupt(w, KT_KVM_SERIAL_GSI);
	close_resources(w, r);
	close_length(w, at);
}

/* The id that drivers/virtio/virtio_mmio.c matches. */
static void virtio_device(struct kt_acpi_writer *w, unsigned int number)
{
	static const char hid[] = "LNRO0005";
	size_t at = open_device(w, "VIO", number);
	struct resources r;

	name(w, "_HID");
	string(w, hid, sizeof(hid));
	name(w, "_UID");
	byte(w, number);
	name(w, "_CCA"); /* DMA is cache-coherent */
	byte(w, 1);
	r = open_resources(w);
	memory(w, KT_KVM_VIRTIO_ADDR + number * KT_KVM_VIRTIO_STRIDE, KT_KVM_VIRTIO_STRIDE);
	interrupt(w, KT_KVM_VIRTIO_GSI + number);
	close_resources(w, r);
	close_length(w, at);
}

static void power_off(struct kt_acpi_writer *w)
{
	size_t at;

	name(w, "_S5_");
	kt_acpi_u8(w, OP_PACKAGE);
	at = open_length(w);
	kt_acpi_u8(w, 4);
	byte(w, KT_KVM_SLEEP_TYPE_S5);
	for (unsigned int i = 0; i < 3; i++)
		kt_acpi_u8(w, OP_ZERO);
	close_length(w, at);
}

void kt_acpi_dsdt(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec)
{
	size_t scope;

	kt_acpi_begin(w, "DSDT", 2);
	power_off(w);
	kt_acpi_u8(w, OP_SCOPE);
	scope = open_length(w);
	kt_acpi_bytes(w, "\\_SB_", 5);
	serial_port(w);
	for (unsigned int i = 0; i < spec->virtio_devices; i++)
		virtio_device(w, i);
	close_length(w, scope);
	kt_acpi_end(w);
}
