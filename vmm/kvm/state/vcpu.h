/* SPDX-License-Identifier: GPL-2.0-only */
/* Moves the parts of one vCPU between KVM and a state; for save.c. */
#pragma once

#include "vmm/kvm/state/state.h"
#include "vmm/kvm/state/time.h"

/* Abilities of the host's KVM that determine which parts there are. */
struct kt_kvm_vcpu_abilities {
	int kvm_fd;	      /* borrowed; the device */
	uint32_t xsave_bytes; /* of KVM_GET_XSAVE2; 0: KVM has only KVM_GET_XSAVE */
	bool sregs2;
};

int kt_kvm_vcpu_abilities(int kvm_fd, int vm_fd, struct kt_kvm_vcpu_abilities *ret_abilities,
			  struct kt_diag *diag) _kt_must_check_;

/* index: of the vCPU. time: of the machine, at the freeze. Negative errno with diag. */
int kt_kvm_vcpu_save(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
		     const struct kt_kvm_time *time, struct kt_buf *buf,
		     struct kt_diag *diag) _kt_must_check_;

/*
 * is_new: the vCPU has no CPUID yet. KT_KVM_STATE_E_PART: this host has no such part;
 * negative errno; with diag.
 */
int kt_kvm_vcpu_restore(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
			bool is_new, const struct kt_kvm_saved *saved,
			struct kt_diag *diag) _kt_must_check_;
