/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a vCPU that does not run: converts between KVM's structs and those of
 * vmm/regs.h.
 */
#pragma once

#include "vmm/kvm/machine.h"

/*
 * Operations of struct kt_vm_ops. set: which struct data points to; count: number of MSRs.
 * KT_VM_E_RANGE: no such vCPU. KT_VM_E_STATE: the machine runs, or has ended with a vCPU that
 * does not park. KT_VM_E_CANNOT: the vCPU does not have an MSR, or refuses its value.
 * Negative errno. With diag.
 */
int kt_kvm_reg_read(struct kt_kvm *kvm, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		    size_t count, struct kt_diag *diag) _kt_must_check_;
int kt_kvm_reg_write(struct kt_kvm *kvm, unsigned int vcpu, enum kt_vm_reg_set set,
		     const void *data, size_t count, struct kt_diag *diag) _kt_must_check_;
