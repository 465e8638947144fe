/* SPDX-License-Identifier: GPL-2.0-only */
/* The live state of a KVM machine, shared by the files that make and move it. */
#pragma once

#include "vmm/kvm/machine.h"
#include "vmm/kvm/time.h"

enum kt_kvm_state {
	KT_KVM_CREATED,
	KT_KVM_RUNNING,
	KT_KVM_FROZEN,
	KT_KVM_STOPPED,
};

struct kt_kvm {
	enum kt_kvm_state state;
	int vm_fd, end_fd; /* owned */
	struct kt_bus bus;
	struct kt_park park;
	bool has_park;
	struct kt_vcpu_site site;
	struct kt_vcpu *vcpus;	     /* owned */
	struct kt_vcpu_stats *stats; /* owned; the last known of each vCPU */
	unsigned int vcpu_count;
	struct kt_kvm_time time; /* while FROZEN: the guest's */

	pthread_mutex_t lock; /* of what follows, and of opening the park */
	bool ended;
	struct kt_kvm_end end;
};
