/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saving and restoring what KVM holds of a machine: vCPUs, interrupt controllers
 * and time. RAM is the business of vmm/ram.h, devices that of devices.c.
 *
 * The order of a vCPU's parts matters, since reading and writing one has effects on
 * others:
 *
 *   saving     The MP state comes first: to read it makes KVM take in an INIT or SIPI
 *              that has arrived, which changes the registers. Events come last.
 *   restoring  CPUID says which registers there are. SREGS holds the address and mode
 *              of the LAPIC, whose state comes behind it, and the mode of its timer is
 *              in there, without which the deadline MSR is not taken. The TSC is the
 *              first MSR, and the deadline that is compared with it the last. Events
 *              come last, since setting registers clears some.
 *
 * Then the interrupt controllers, which may have an interrupt for a LAPIC; then the
 * time, when all timers are set that are measured by it.
 *
 * An expired timer whose interrupt the vCPU has not got yet is nowhere in KVM's
 * structs. So a deadline of 0, which is one that has passed or none at all, is saved
 * as the present: the restored vCPU has an interrupt at once, needed or not. KVM does
 * the same for a LAPIC's timer that has counted to 0.
 */
#pragma once

#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/state.h"

/* Appends all parts of a frozen machine. KT_VM_E_STATE; negative errno; with diag. */
int kt_kvm_save(struct kt_kvm *kvm, struct kt_buf *buf, struct kt_diag *diag) _kt_must_check_;

/* How long each of these took. */
struct kt_kvm_restore_times {
	uint64_t vcpus_ns, irqchip_ns, clock_ns;
};

/*
 * Gives a machine that is not started, or frozen, what was saved of another one with as
 * many vCPUs and the same APIC ids; it is frozen then. Conditions of
 * kt_kvm_state_condition if the state cannot be; negative errno, also if KVM refuses a
 * part, and -EBUSY for a machine that runs or has ended; all with diag, after which the
 * machine is of no use.
 */
int kt_kvm_restore(struct kt_kvm *kvm, const struct kt_kvm_saved *saved,
		   struct kt_kvm_restore_times *ret_times, struct kt_diag *diag) _kt_must_check_;
