/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core of a KVM machine: the VM with its interrupt controllers, memory slots
 * over guest RAM, the vCPUs, the bus that devices register on, and the way from
 * running to frozen and back. What is in RAM and in the registers when it
 * starts, and what devices there are, is for others to say.
 *
 *   CREATED --start--> RUNNING <--freeze/thaw--> FROZEN --stop--> STOPPED
 *
 * One owner thread calls everything here, except kt_kvm_end(). A machine that
 * has ended has all its vCPUs parked or about to park; its memory and registers
 * stay readable until it is freed.
 */
#pragma once

#include "vmm/kvm/device/bus.h"
#include "vmm/kvm/exit.h"
#include "vmm/kvm/host/host.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/ram.h"

struct kt_kvm;

struct kt_kvm_spec {
	const struct kt_kvm_host *host; /* borrowed until kt_kvm_free() */
	const struct kt_ram *ram;	/* attached; borrowed until kt_kvm_free() */
	unsigned int vcpus;
	/* Of each vCPU; KVM takes the number a vCPU is created with for it. NULL: its index. */
	const uint32_t *apic_ids;
	bool perf; /* as perf.h has it, but for RAM, which is made already */
};

/*
 * Creates the machine with its threads, not yet running. KT_VM_E_SPEC when the
 * host cannot do that many vCPUs or banks; negative errno; diag in both cases.
 */
int kt_kvm_new(struct kt_kvm **ret_kvm, const struct kt_kvm_spec *spec,
	       struct kt_diag *diag) _kt_must_check_;
/* Ends the machine if it lives, and frees it; waits for device callbacks. Returns NULL. */
struct kt_kvm *kt_kvm_free(struct kt_kvm *kvm);

/* For kt_bus_add(), before the start. */
struct kt_bus *kt_kvm_bus(struct kt_kvm *kvm);
/* The descriptor of the VM, borrowed: interrupts, clocks, memory logs. */
int kt_kvm_vm_fd(const struct kt_kvm *kvm);
unsigned int kt_kvm_vcpu_count(const struct kt_kvm *kvm);
/*
 * A vCPU: its exit counters at any time; its descriptor, for registers and
 * other state, only while the machine does not run.
 */
struct kt_vcpu *kt_kvm_vcpu(struct kt_kvm *kvm, unsigned int index);

/* As their namesakes of vm.h: KT_VM_E_STATE, KT_VM_E_DEADLINE, negative errno; with diag. */
int kt_kvm_start(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/*
 * At the deadline diag names the vCPUs that were late, and the machine runs on;
 * or, if a breakpoint was hit, it stays as it is, to be frozen by another call.
 */
int kt_kvm_freeze(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_kvm_thaw(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/*
 * Ends the threads; from any state, also after an end. KT_VM_E_DEADLINE when one
 * is still in a device's callback; it may be called again.
 */
int kt_kvm_stop(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Ends the machine, for devices; from any thread. The first one counts. The
 * vCPU whose access this was completes it before it parks.
 */
void kt_kvm_end(struct kt_kvm *kvm, const struct kt_kvm_end *end);
/* Becomes and stays readable when the machine has ended; an eventfd, borrowed. */
int kt_kvm_end_fd(const struct kt_kvm *kvm);
/* Whether it has ended, and how. */
bool kt_kvm_has_ended(struct kt_kvm *kvm, struct kt_kvm_end *ret_end);

/* As its namesake of vm.h. */
int kt_kvm_breakpoints_set(struct kt_kvm *kvm, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag) _kt_must_check_;
/*
 * Becomes readable when a breakpoint was hit; an eventfd, borrowed. The vCPUs
 * are parking then, and the owner calls kt_kvm_freeze(). After a freeze, whatever
 * it was for, it takes all hits; before that there is no thaw (KT_VM_E_STATE).
 */
int kt_kvm_break_fd(const struct kt_kvm *kvm);
/* The next hit; false, and the descriptor is silent, when there is none or the machine ended. */
bool kt_kvm_break_take(struct kt_kvm *kvm, struct kt_vm_break *ret_hit);

/* Of each vCPU's thread; as kt_vm_stats(). */
int kt_kvm_stats(struct kt_kvm *kvm, struct kt_vcpu_stats *ret_stats, unsigned int max);
