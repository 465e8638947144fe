/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RSDP, XSDT, FADT and MADT, and the order of all tables: each table follows those that it
 * points to; the RSDP must be first, and is filled in last. DSDT and the NUMA tables are left
 * to acpi-aml.c and acpi-numa.c. Sections are those of ACPI 6.5.
 */
#include <assert.h>
#include <string.h>

#include "vmm/kvm/boot/acpi-table.h"
#include "vmm/kvm/boot/acpi.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/layout.h"

/* RSDP, 5.2.5.3: the first checksum covers what ACPI 1.0 knew of it. */
#define RSDP_BYTES     36u
#define RSDP_V1_BYTES  20u
#define RSDP_CHECKSUM  8u
#define RSDP_XCHECKSUM 32u

/* FADT, 5.2.9. */
#define FADT_BYTES	     276u
#define FADT_WBINVD	     (1u << 0)
#define FADT_NO_POWER_BUTTON (1u << 4)
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_RESET_REG	     (1u << 10)
#define FADT_HW_REDUCED	     (1u << 20)
#define FADT_BOOT_NO_VGA     (1u << 2)
#define FADT_BOOT_NO_RTC     (1u << 5)

/* Offsets in the FADT of the fields that are not zero. */
enum {
	FADT_BOOT_ARCH = 109,
	FADT_FLAGS = 112,
	FADT_RESET = 116,
	FADT_RESET_VALUE = 128,
	FADT_MINOR = 131,
	FADT_X_DSDT = 140,
	FADT_SLEEP_CONTROL = 244,
	FADT_SLEEP_STATUS = 256,
	FADT_HYPERVISOR = 268,
};

#define GAS_IO	 1u /* generic address, 5.2.3.2: a port ... */
#define GAS_BYTE 1u /* ... accessed as a byte */

#define ENABLED	      1u
#define ALL_CPUS      0xffu
#define ALL_CPUS_LONG 0xffffffffu

static uint64_t address_of(const struct kt_kvm_acpi *acpi, enum kt_kvm_acpi_table table)
{
	return KT_KVM_ACPI_ADDR + acpi->offsets[table];
}

static void patch_port(struct kt_acpi_writer *w, size_t offset, unsigned int port)
{
	kt_acpi_patch(w, w->table + offset, GAS_IO, 1);
	kt_acpi_patch(w, w->table + offset + 1, 8, 1); /* bits */
	kt_acpi_patch(w, w->table + offset + 3, GAS_BYTE, 1);
	kt_acpi_patch(w, w->table + offset + 4, port, 8);
}

static void fadt(struct kt_acpi_writer *w, uint64_t dsdt)
{
	size_t at = kt_acpi_begin(w, "FACP", 6);

	kt_acpi_zeros(w, FADT_BYTES - (w->buf->len - at));
	kt_acpi_patch(w, at + FADT_BOOT_ARCH, FADT_BOOT_NO_VGA | FADT_BOOT_NO_RTC, 2);
	kt_acpi_patch(w, at + FADT_FLAGS,
		      FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REG |
			      FADT_HW_REDUCED,
		      4);
	patch_port(w, FADT_RESET, KT_KVM_RESET_PORT);
	kt_acpi_patch(w, at + FADT_RESET_VALUE, KT_KVM_RESET_VALUE, 1);
	kt_acpi_patch(w, at + FADT_MINOR, 5, 1);
	kt_acpi_patch(w, at + FADT_X_DSDT, dsdt, 8);
	patch_port(w, FADT_SLEEP_CONTROL, KT_KVM_SLEEP_CONTROL_PORT);
	patch_port(w, FADT_SLEEP_STATUS, KT_KVM_SLEEP_STATUS_PORT);
	if (!w->error)
		memcpy(w->buf->data + at + FADT_HYPERVISOR, "KVMKVMKV", 8);
	kt_acpi_end(w);
}

/* ---- MADT, 5.2.12 ---- */

static void lapic(struct kt_acpi_writer *w, unsigned int cpu, uint32_t apic_id)
{
	kt_acpi_u8(w, 0);
	kt_acpi_u8(w, 8);
	kt_acpi_u8(w, cpu);
	kt_acpi_u8(w, apic_id);
	kt_acpi_u32(w, ENABLED);
}

static void x2apic(struct kt_acpi_writer *w, unsigned int cpu, uint32_t apic_id)
{
	kt_acpi_u8(w, 9);
	kt_acpi_u8(w, 16);
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, apic_id);
	kt_acpi_u32(w, ENABLED);
	kt_acpi_u32(w, cpu);
}

static void ioapic(struct kt_acpi_writer *w)
{
	kt_acpi_u8(w, 1);
	kt_acpi_u8(w, 12);
	kt_acpi_u8(w, 0); /* its id, of another space than those of LAPICs */
	kt_acpi_u8(w, 0);
	kt_acpi_u32(w, KT_KVM_IOAPIC_ADDR);
	kt_acpi_u32(w, 0); /* first GSI */
}

/* LINT1 of all LAPICs takes NMIs; polarity and trigger as the bus has them. */
static void lapic_nmi(struct kt_acpi_writer *w)
{
	kt_acpi_u8(w, 4);
	kt_acpi_u8(w, 6);
	kt_acpi_u8(w, ALL_CPUS);
	kt_acpi_u16(w, 0);
	kt_acpi_u8(w, 1);
}

static void x2apic_nmi(struct kt_acpi_writer *w)
{
	kt_acpi_u8(w, 10);
	kt_acpi_u8(w, 12);
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, ALL_CPUS_LONG);
	kt_acpi_u8(w, 1);
	kt_acpi_zeros(w, 3);
}

static void madt(struct kt_acpi_writer *w, const struct kt_topology *topo)
{
	bool wide = false;

	kt_acpi_begin(w, "APIC", 5);
	kt_acpi_u32(w, KT_KVM_LAPIC_ADDR);
	kt_acpi_u32(w, 0); /* no 8259s */
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(topo); cpu++) {
		uint32_t id = kt_kvm_apic_id(topo, cpu);

		if (id <= KT_KVM_APIC_ID_MAX)
			lapic(w, cpu, id);
		else
			x2apic(w, cpu, id);
		wide |= id > KT_KVM_APIC_ID_MAX;
	}
	ioapic(w);
	lapic_nmi(w);
	if (wide)
		x2apic_nmi(w);
	kt_acpi_end(w);
}

/* ---- the roots ---- */

static void xsdt(struct kt_acpi_writer *w, const struct kt_kvm_acpi *acpi)
{
	static const enum kt_kvm_acpi_table listed[] = { KT_KVM_ACPI_FADT, KT_KVM_ACPI_MADT,
							 KT_KVM_ACPI_SRAT, KT_KVM_ACPI_SLIT,
							 KT_KVM_ACPI_HMAT };

	kt_acpi_begin(w, "XSDT", 1);
	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		kt_acpi_u64(w, address_of(acpi, listed[i]));
	kt_acpi_end(w);
}

/* At the very start, where room was left for it. */
static void rsdp(struct kt_acpi_writer *w, uint64_t xsdt_address)
{
	if (w->error)
		return;
	memcpy(w->buf->data, "RSD PTR ", 8);
	memcpy(w->buf->data + 9, "KTEST ", 6);
	kt_acpi_patch(w, 15, 2, 1); /* revision */
	kt_acpi_patch(w, 20, RSDP_BYTES, 4);
	kt_acpi_patch(w, 24, xsdt_address, 8);
	kt_acpi_checksum(w, 0, RSDP_V1_BYTES, RSDP_CHECKSUM);
	kt_acpi_checksum(w, 0, RSDP_BYTES, RSDP_XCHECKSUM);
}

static void make_tables(struct kt_acpi_writer *w, struct kt_kvm_acpi *acpi,
			const struct kt_kvm_acpi_spec *spec)
{
	kt_acpi_zeros(w, RSDP_BYTES);
	kt_acpi_dsdt(w, spec);
	acpi->offsets[KT_KVM_ACPI_DSDT] = w->table;
	fadt(w, address_of(acpi, KT_KVM_ACPI_DSDT));
	acpi->offsets[KT_KVM_ACPI_FADT] = w->table;
	madt(w, spec->topo);
	acpi->offsets[KT_KVM_ACPI_MADT] = w->table;
	kt_acpi_srat(w, spec);
	acpi->offsets[KT_KVM_ACPI_SRAT] = w->table;
	kt_acpi_slit(w, spec);
	acpi->offsets[KT_KVM_ACPI_SLIT] = w->table;
	kt_acpi_hmat(w, spec);
	acpi->offsets[KT_KVM_ACPI_HMAT] = w->table;
	xsdt(w, acpi);
	acpi->offsets[KT_KVM_ACPI_XSDT] = w->table;
	rsdp(w, address_of(acpi, KT_KVM_ACPI_XSDT));
}

int kt_kvm_acpi_make(struct kt_kvm_acpi *ret_acpi, const struct kt_kvm_acpi_spec *spec)
{
	struct kt_kvm_acpi acpi = { .image = KT_BUF_INIT(KT_KVM_ACPI_BYTES) };
	struct kt_acpi_writer w = { .buf = &acpi.image };

	assert(spec->virtio_devices <= KT_KVM_VIRTIO_MAX);
	make_tables(&w, &acpi, spec);
	if (w.error) {
		kt_kvm_acpi_deinit(&acpi);
		return kt_forward(w.error);
	}
	*ret_acpi = acpi;
	return 0;
}

void kt_kvm_acpi_deinit(struct kt_kvm_acpi *acpi)
{
	kt_buf_deinit(&acpi->image);
}
