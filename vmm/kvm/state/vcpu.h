/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of one vCPU, between KVM and a state; for save.c. */
#pragma once

#include "vmm/kvm/state/state.h"
#include "vmm/kvm/state/time.h"

/* What the host's KVM can do, which decides about the parts. */
struct kt_kvm_vcpu_abilities {
	int kvm_fd;	      /* borrowed; the device */
	uint32_t xsave_bytes; /* of KVM_GET_XSAVE2; 0: it has KVM_GET_XSAVE alone */
	bool sregs2;
};

int kt_kvm_vcpu_abilities(int kvm_fd, int vm_fd, struct kt_kvm_vcpu_abilities *ret_abilities,
			  struct kt_diag *diag) _kt_must_check_;

/* index: of the vCPU. time: of its machine, when it was frozen. */
int kt_kvm_vcpu_save(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
		     const struct kt_kvm_time *time, struct kt_buf *buf,
		     struct kt_diag *diag) _kt_must_check_;

/* is_new: its CPUID is still to be set. VALUE; PART: not as this host has it. */
int kt_kvm_vcpu_restore(int fd, const struct kt_kvm_vcpu_abilities *abilities, unsigned int index,
			bool is_new, const struct kt_kvm_saved *saved,
			struct kt_diag *diag) _kt_must_check_;
