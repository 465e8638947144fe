/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts a Linux kernel into guest RAM: without firmware, to be entered in 64-bit mode, as
 * the 64-bit boot protocol wants it (the kernel's Documentation/arch/x86/boot.rst). The
 * state of the vCPU that enters it is entry.h's.
 *
 * RAM must be as it was created, all zero: what a kernel wants to be zero is
 * not written. ACPI tables are the caller's too; the kernel is told that their
 * RSDP is at KT_KVM_ACPI_ADDR.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "vmm/ram.h"

struct kt_kvm_boot_spec {
	const void *kernel; /* vmlinux (ELF) or bzImage; not trusted; borrowed for the call */
	size_t kernel_size;
	int initrd_fd;	     /* a seekable file, all of which is taken; -1: none */
	const char *cmdline; /* the whole kernel command line; borrowed for the call */
};

/* What was loaded, and the little that the entry state depends on. */
struct kt_kvm_boot {
	uint64_t entry;
	uint64_t kernel_start;
	uint64_t kernel_end; /* behind all memory that the kernel uses before it reads e820 */
	uint64_t initrd_start;
	uint64_t initrd_bytes; /* 0: none */
};

/* In each case diag's cause names the field, or the thing that does not fit. */
enum kt_kvm_boot_condition {
	KT_KVM_BOOT_E_IMAGE = KT_CONDITION(KVM_BOOT), /* not an x86-64 kernel that can be loaded */
	KT_KVM_BOOT_E_RAM,			      /* the kernel does not fit into RAM */
	KT_KVM_BOOT_E_CMDLINE,			      /* the command line is too long */
	KT_KVM_BOOT_E_INITRD, /* the initramfs does not fit between kernel and its limit */
};

/*
 * Loads all that the entry needs. RAM, laid out by layout.h, is in an undefined
 * state if this fails. Conditions as above.
 */
int kt_kvm_boot_load(struct kt_kvm_boot *ret_boot, const struct kt_ram *ram,
		     const struct kt_kvm_boot_spec *spec, struct kt_diag *diag) _kt_must_check_;
