/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes a KVM machine one that Linux starts in: kernel, initramfs, command line
 * and ACPI tables in RAM, and each vCPU as it is at the kernel's entry. One
 * straight line of steps.
 */
#pragma once

#include "vmm/kvm/machine.h"

/* Room for the whole kernel command line: ktest's part, and the config's. KT_VM_E_SPEC: too long. */
int kt_kvm_cmdline(char *buf, const struct kt_vm_config *config) _kt_must_check_;

/*
 * For a machine that was just created on this ram. KT_VM_E_SPEC: the kernel or
 * the initramfs cannot be booted, or not in this machine; negative errno; diag.
 */
int kt_kvm_setup(struct kt_kvm *kvm, const struct kt_kvm_host *host, const struct kt_ram *ram,
		 const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;
