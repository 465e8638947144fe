/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state in which the first vCPU enters a kernel: registers, and GDT and page tables in
 * RAM. Only fills in structs; the caller sets the registers by ioctl.
 */
#pragma once

#include <stdint.h>

#include <linux/kvm.h>

#include "base/error.h"
#include "vmm/ram.h"

/* Writes GDT and page tables. RAM must reach beyond conventional memory. Negative errno. */
int kt_kvm_entry_load(const struct kt_ram *ram) _kt_must_check_;

/* Fills in the general registers at the entry. entry: of struct kt_kvm_boot. */
void kt_kvm_entry_regs(uint64_t entry, struct kvm_regs *ret_regs);

/*
 * Changes the special registers of a new vCPU (KVM_GET_SREGS) to those at the entry: 64-bit
 * mode, flat segments, the first 4 GiB mapped one to one. The other registers (apic_base,
 * ...) stay.
 */
void kt_kvm_entry_sregs(struct kvm_sregs *sregs);
