/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core of a KVM machine: the VM with its interrupt controllers, memory slots over guest
 * RAM, vCPUs, the bus for devices, and the transitions between running and frozen. Contents
 * of RAM, registers at the start and devices are the caller's.
 *
 *   CREATED --start--> RUNNING <--freeze/thaw--> FROZEN --stop--> STOPPED
 *
 * One thread, the owner, calls all functions; kt_kvm_end() may be called from any thread.
 * After the end all vCPUs park, and memory and registers stay readable until kt_kvm_free().
 *
 * Conditions are those of enum kt_vm_condition. diag is filled in with every result but 0,
 * except for want of memory.
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
	/*
	 * APIC id of each vCPU, which KVM takes from the number that the vCPU is created
	 * with. NULL: the index.
	 */
	const uint32_t *apic_ids;
	bool perf; /* set up as perf.h describes, without RAM, which the caller has made */
};

/*
 * Creates a machine with its threads, which do not run yet. KT_VM_E_SPEC: the host's KVM does
 * not allow as many vCPUs or banks.
 */
int kt_kvm_new(struct kt_kvm **ret_kvm, const struct kt_kvm_spec *spec,
	       struct kt_diag *diag) _kt_must_check_;
/*
 * Stops the machine, waits for callbacks of devices, and frees it. Accepts NULL. Returns
 * NULL.
 */
struct kt_kvm *kt_kvm_free(struct kt_kvm *kvm);

/* The bus, for kt_bus_add() before the start. */
struct kt_bus *kt_kvm_bus(struct kt_kvm *kvm);
/* The VM's descriptor, borrowed: for interrupts and clocks. */
int kt_kvm_vm_fd(const struct kt_kvm *kvm);
unsigned int kt_kvm_vcpu_count(const struct kt_kvm *kvm);
/*
 * A vCPU. Its exit counters may be read at any time; its descriptor may be used, for
 * registers and other state, only while the machine does not run.
 */
struct kt_vcpu *kt_kvm_vcpu(struct kt_kvm *kvm, unsigned int index);

/* As kt_vm_start(). KT_VM_E_STATE. */
int kt_kvm_start(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/*
 * As kt_vm_freeze() and kt_vm_thaw(). KT_VM_E_STATE. KT_VM_E_DEADLINE: diag names the vCPUs
 * that did not park; the machine runs on, unless a breakpoint was hit: then it must be frozen
 * by another call.
 */
int kt_kvm_freeze(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;
int kt_kvm_thaw(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
/*
 * Ends the threads, in any state and after the end. KT_VM_E_DEADLINE: a thread is still in a
 * device's callback; the call may be repeated.
 */
int kt_kvm_stop(struct kt_kvm *kvm, uint64_t deadline_ns, struct kt_diag *diag) _kt_must_check_;

/*
 * Ends the machine; for devices, from any thread. Only the first call has an effect. A vCPU
 * whose access to a device ends the machine completes its instruction before it parks.
 */
void kt_kvm_end(struct kt_kvm *kvm, const struct kt_kvm_end *end);
/* An eventfd, borrowed; readable from the end of the machine on. */
int kt_kvm_end_fd(const struct kt_kvm *kvm);
/* Whether the machine has ended. *ret_end (may be NULL): how. */
bool kt_kvm_has_ended(struct kt_kvm *kvm, struct kt_kvm_end *ret_end);

/* As kt_vm_breakpoints_set(). KT_VM_E_STATE, KT_VM_E_SPEC, KT_VM_E_CANNOT. */
int kt_kvm_breakpoints_set(struct kt_kvm *kvm, const struct kt_vm_breakpoint *breakpoints,
			   size_t count, struct kt_diag *diag) _kt_must_check_;
/*
 * An eventfd, borrowed; readable when a breakpoint was hit. The vCPUs then park, and the
 * owner calls kt_kvm_freeze(). After every freeze the owner takes all hits; until then
 * kt_kvm_thaw() is KT_VM_E_STATE.
 */
int kt_kvm_break_fd(const struct kt_kvm *kvm);
/*
 * Takes the next hit. False: there is none, or the machine has ended; the eventfd is not
 * readable any more.
 */
bool kt_kvm_break_take(struct kt_kvm *kvm, struct kt_vm_break *ret_hit);

/* As kt_vm_stats(). */
int kt_kvm_stats(struct kt_kvm *kvm, struct kt_vcpu_stats *ret_stats, unsigned int max);
