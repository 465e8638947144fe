/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live state of a KVM machine, for machine*.c and state/. Conditions are those of enum
 * kt_vm_condition.
 */
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
	struct kt_vcpu_site site;
	struct kt_vcpu *vcpus;	     /* owned */
	struct kt_vcpu_stats *stats; /* owned; the last known values of each vCPU */
	unsigned int vcpu_count;
	struct kt_kvm_time time; /* while FROZEN: guest time at the freeze */

	pthread_mutex_t lock; /* protects the members below, and the opening of the park */
	bool ended;
	bool joining; /* the threads were told to end: kicks do nothing */
	bool broke;   /* a breakpoint was hit and not all hits were taken: the park stays closed */
	struct kt_kvm_end end;
};

/* Kicks all vCPUs. From any thread, also after the vCPU threads have ended. */
void kt_kvm_kick_all(struct kt_kvm *kvm);
/* Waits for the end of the threads, after kt_park_stop(). */
void kt_kvm_join_all(struct kt_kvm *kvm);

/* 0: the machine has not ended, and is not started or frozen. KT_VM_E_STATE with diag. */
int kt_kvm_expect_paused(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/* 0: the machine has not ended, and is frozen. KT_VM_E_STATE with diag. */
int kt_kvm_expect_frozen(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/* 0: no vCPU runs; the machine may have ended. KT_VM_E_STATE with diag. */
int kt_kvm_expect_still(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;

/* A vCPU hit a breakpoint; called on its thread. */
void kt_kvm_on_break(struct kt_kvm *kvm);
/*
 * Makes the vCPUs ready to run on, also from an execution breakpoint. KT_VM_E_STATE: hits
 * were not taken.
 */
int kt_kvm_break_resume(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/*
 * Drops hits and steps, because the vCPUs are about to get other registers. Breakpoints stay
 * set.
 */
int kt_kvm_break_forget(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
