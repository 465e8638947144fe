/* SPDX-License-Identifier: GPL-2.0-only */
/* The live state of a KVM machine, shared by the files that make and move it. */
#pragma once

#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/time.h"

enum kt_kvm_state {
	KT_KVM_CREATED,
	KT_KVM_RUNNING,
	KT_KVM_FROZEN,
	KT_KVM_STOPPED,
};

struct kt_kvm {
	enum kt_kvm_state state;
	int kvm_fd;		     /* borrowed; the device */
	int vm_fd, end_fd, break_fd; /* owned */
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
	bool joining; /* the threads have been told to end: nobody kicks them any more */
	bool broke;   /* a breakpoint was hit, and not all hits are taken: the park stays closed */
	struct kt_kvm_end end;
};

/* From any thread, at any time: a device may find a fault after the threads have ended. */
void kt_kvm_kick_all(struct kt_kvm *kvm);
/* Waits for the threads, which kt_park_stop() has told to end. */
void kt_kvm_join_all(struct kt_kvm *kvm);

/* 0 if the machine lives and does not run, so that it will go on from what it is given. */
int kt_kvm_expect_paused(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/* 0 if the machine lives and is frozen. */
int kt_kvm_expect_frozen(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/* 0 if no vCPU moves any more, whether the machine lives or not. */
int kt_kvm_expect_still(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;

/* A vCPU has come to a breakpoint; on its thread. */
void kt_kvm_on_break(struct kt_kvm *kvm);
/* Makes the vCPUs ready to go on from where they are. */
int kt_kvm_break_resume(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/* Forgets hits and steps: the vCPUs are about to get other registers. Breakpoints stay set. */
int kt_kvm_break_forget(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
