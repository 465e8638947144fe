/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a vCPU that does not run: converts between KVM's structs and those of
 * vmm/regs.h.
 */
#pragma once

#include "vmm/kvm/machine.h"

/*
 * Operation of struct kt_vm_ops. KT_VM_E_RANGE: no such vCPU. KT_VM_E_STATE: the machine
 * runs, or has ended with a vCPU that does not park. KT_VM_E_CANNOT: the vCPU does not have an
 * MSR, or refuses its value. Negative errno. With diag.
 */
int kt_kvm_reg_access(struct kt_kvm *kvm, const struct kt_vm_reg_access *access,
		      struct kt_diag *diag) _kt_must_check_;
