/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest-physical address space and the port space of a machine under KVM. All addresses
 * in vmm/kvm/ are defined here.
 *
 *   0x000000000  GDT, zero page, page tables, command line  | RAM
 *   0x0000a0000  unused (video memory of a PC)              |
 *   0x0000e0000  ACPI tables                                | RAM, reserved
 *   0x000100000  kernel ... initramfs at the top            | RAM
 *   0x0c0000000  devices: virtio-mmio, IOAPIC, LAPICs       | no RAM
 *   0x100000000  the rest of RAM                            | RAM
 *
 * Low RAM ends at 3 GiB at the latest, and the rest of RAM begins at 4 GiB: the hole takes
 * addresses and no RAM.
 */
#pragma once

#include <stdint.h>

/* ---- RAM; arguments of kt_ram_layout() ---- */

#define KT_KVM_LOW_RAM_BYTES  (UINT64_C(3) << 30)
#define KT_KVM_HIGH_RAM_START (UINT64_C(4) << 30)

/* ---- the first MiB: what the kernel is entered with ---- */

#define KT_KVM_GDT_ADDR	      UINT64_C(0x0500) /* above the real-mode vectors and the BIOS data */
#define KT_KVM_ZERO_PAGE_ADDR UINT64_C(0x7000) /* struct boot_params, one page */
/*
 * Page tables: one PML4, one PDPT, and one page directory for each of the 4 GiB mapped one to
 * one.
 */
#define KT_KVM_PML4_ADDR     UINT64_C(0x9000)
#define KT_KVM_PDPT_ADDR     UINT64_C(0xa000)
#define KT_KVM_PD_ADDR	     UINT64_C(0xb000)
#define KT_KVM_PD_COUNT	     4u
#define KT_KVM_CMDLINE_ADDR  UINT64_C(0x20000)
#define KT_KVM_CMDLINE_BYTES UINT64_C(0x1000)

/* End of conventional memory; a PC's kernel takes nothing from here to 1 MiB for RAM. */
#define KT_KVM_CONVENTIONAL_END UINT64_C(0xa0000)

/*
 * The ACPI tables, RSDP first, in the area that a kernel searches for an RSDP if the boot
 * loader gives no address (ACPI 6.5, 5.2.5.1); e820 reserves them.
 */
#define KT_KVM_ACPI_ADDR  UINT64_C(0xe0000)
#define KT_KVM_ACPI_BYTES UINT64_C(0x20000)

/* ---- from 1 MiB on: kernel and initramfs ---- */

/* Lowest address of a kernel image. */
#define KT_KVM_KERNEL_MIN UINT64_C(0x100000)

/*
 * The initramfs ends at the end of low RAM or at this address, whichever is lower, and starts
 * at a page. The value is initrd_addr_max of every x86-64 setup header
 * (arch/x86/boot/header.S); vmlinux has no header and gets the same value.
 */
#define KT_KVM_INITRD_END UINT64_C(0x80000000)

/* ---- the hole: devices ---- */

#define KT_KVM_VIRTIO_ADDR   UINT64_C(0xd0000000)
#define KT_KVM_VIRTIO_STRIDE UINT64_C(0x1000) /* from one device's registers to the next */
#define KT_KVM_VIRTIO_MAX    8u
/* GSI of the first device; one GSI per device, on the IOAPIC's pins above the ISA interrupts. */
#define KT_KVM_VIRTIO_GSI 16u

/* Addresses of every PC, and KVM's defaults. */
#define KT_KVM_IOAPIC_ADDR UINT64_C(0xfec00000)
#define KT_KVM_LAPIC_ADDR  UINT64_C(0xfee00000)

/* ---- ports ---- */

#define KT_KVM_SERIAL_PORT  0x3f8u /* 16550, COM1 */
#define KT_KVM_SERIAL_PORTS 8u
#define KT_KVM_SERIAL_GSI   4u

/* i8042 command port, and the command that pulses output bit 0, the reset line. */
#define KT_KVM_RESET_PORT  0x64u
#define KT_KVM_RESET_VALUE 0xfeu

/*
 * ACPI sleep control and status registers, one byte each (ACPI 6.5, 4.8.3.7). The guest
 * powers off by writing SLP_EN with KT_KVM_SLEEP_TYPE_S5 to the control register.
 */
#define KT_KVM_SLEEP_CONTROL_PORT 0x600u
#define KT_KVM_SLEEP_STATUS_PORT  0x601u
#define KT_KVM_SLEEP_TYPE_S5	  5u
#define KT_KVM_SLEEP_S5_VALUE	  (KT_KVM_SLEEP_TYPE_S5 << 2 | 1u << 5)
