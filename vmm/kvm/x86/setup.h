/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prepares a new KVM machine for Linux: puts kernel, initramfs, command line and ACPI tables
 * into RAM, and sets the registers of each vCPU at the kernel's entry.
 */
#pragma once

#include "vmm/kvm/machine.h"

/*
 * Writes the whole kernel command line, ktest's part and the config's, to buf,
 * KT_VM_CMDLINE_MAX + 1 bytes. KT_VM_E_SPEC, without diag: too long.
 */
int kt_kvm_cmdline(char *buf, const struct kt_vm_config *config) _kt_must_check_;

/*
 * kvm was just created with ram. KT_VM_E_SPEC: kernel or initramfs cannot be booted, or not
 * in this machine; negative errno; with diag.
 */
int kt_kvm_setup(struct kt_kvm *kvm, const struct kt_kvm_host *host, const struct kt_ram *ram,
		 const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;
