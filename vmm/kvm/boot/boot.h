/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads a Linux kernel into guest RAM for an entry in 64-bit mode without firmware, as the
 * 64-bit boot protocol requires (the kernel's Documentation/arch/x86/boot.rst). The registers
 * at the entry are left to entry.h.
 *
 * RAM must be all zero, as created, because zeros that the kernel needs are not written. The
 * caller writes the ACPI tables; the kernel is told that their RSDP is at KT_KVM_ACPI_ADDR.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/ram.h"

struct kt_kvm_boot_spec {
	const void *kernel; /* vmlinux (ELF) or bzImage, not trusted; borrowed for the call */
	size_t kernel_size;
	int initrd_fd;	     /* a seekable file, loaded as a whole; -1: none */
	const char *cmdline; /* the whole kernel command line; borrowed for the call */
};

/* Addresses of what was loaded. */
struct kt_kvm_boot {
	uint64_t entry;
	uint64_t kernel_start;
	uint64_t kernel_end; /* end of the memory that the kernel uses before it reads e820 */
	uint64_t initrd_start;
	uint64_t initrd_bytes; /* 0: none */
};

/* diag's cause names the field of the image, or what does not fit. */
enum kt_kvm_boot_condition {
	KT_KVM_BOOT_E_IMAGE = KT_CONDITION(KVM_BOOT), /* not an x86-64 kernel that can be loaded */
	KT_KVM_BOOT_E_RAM,			      /* the kernel does not fit into RAM */
	KT_KVM_BOOT_E_CMDLINE,			      /* the command line is too long */
	KT_KVM_BOOT_E_INITRD, /* the initramfs does not fit between the kernel and its limit */
};

/*
 * Loads kernel, command line, initramfs, zero page, GDT and page tables. ram must be laid out
 * by layout.h. Conditions of enum kt_kvm_boot_condition, negative errno; with diag, and with
 * undefined contents of RAM.
 */
int kt_kvm_boot_load(struct kt_kvm_boot *ret_boot, const struct kt_ram *ram,
		     const struct kt_kvm_boot_spec *spec, struct kt_diag *diag) _kt_must_check_;
