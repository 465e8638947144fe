/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a vCPU that does not run, between KVM's structs and those of
 * vmm/regs.h. The operations of struct kt_vm_ops.
 */
#pragma once

#include "vmm/kvm/machine.h"

/*
 * set says what data points to; count is for MSRs. KT_VM_E_STATE if the machine
 * runs, or has ended with a vCPU that does not come to rest; KT_VM_E_CANNOT for
 * an MSR that is not there; negative errno; with diag.
 */
int kt_kvm_reg_read(struct kt_kvm *kvm, unsigned int vcpu, enum kt_vm_reg_set set, void *data,
		    size_t count, struct kt_diag *diag) _kt_must_check_;
int kt_kvm_reg_write(struct kt_kvm *kvm, unsigned int vcpu, enum kt_vm_reg_set set,
		     const void *data, size_t count, struct kt_diag *diag) _kt_must_check_;
