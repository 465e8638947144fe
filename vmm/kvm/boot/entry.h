/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state in which the first vCPU enters a kernel: its registers, and GDT and page
 * tables in RAM. No ioctl here: registers are filled in, setting them is the caller's.
 */
#pragma once

#include <stdint.h>

#include <linux/kvm.h>

#include "base/error.h"
#include "vmm/ram.h"

/* Writes GDT and page tables. RAM is known to reach beyond conventional memory. */
int kt_kvm_entry_load(const struct kt_ram *ram) _kt_must_check_;

/* General registers at the entry, which is kt_kvm_boot.entry. */
void kt_kvm_entry_regs(uint64_t entry, struct kvm_regs *ret_regs);

/*
 * Turns the special registers of a vCPU after its creation (KVM_GET_SREGS) into
 * those at the entry: 64-bit mode, flat segments, the first 4 GiB mapped one to
 * one. What the entry does not depend on (apic_base, ...) is left alone.
 */
void kt_kvm_entry_sregs(struct kvm_sregs *sregs);
