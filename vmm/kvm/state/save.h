/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saves and restores the state that KVM holds: vCPUs, interrupt controllers and time. RAM is
 * saved by vm.c, devices are saved by devices.c.
 *
 * The parts of a vCPU depend on each other, so their order matters:
 *
 *   saving     The MP state is first: reading it makes KVM handle an INIT or SIPI that
 *              has arrived, which changes the registers. Events are last.
 *   restoring  CPUID is first, because it determines the registers. SREGS precedes the
 *              LAPIC, because it has the LAPIC's address and mode; the LAPIC precedes the
 *              MSRs, because KVM refuses the deadline MSR before it has the timer's mode.
 *              The TSC is the first MSR, the deadline, which is compared with the TSC, is
 *              the last. Events are last, because setting registers clears some of them.
 *
 * The interrupt controllers follow the vCPUs, because they may have an interrupt for a LAPIC.
 * The time is last, when all timers are set.
 *
 * KVM's structs do not show an expired timer whose interrupt the vCPU has not received yet.
 * So a deadline of 0, which means "passed" or "none", is saved as the present: the restored
 * vCPU gets an interrupt at once, needed or not. KVM does the same for a LAPIC's timer that
 * has counted to 0.
 */
#pragma once

#include "vmm/kvm/machine.h"
#include "vmm/kvm/state/state.h"

/* Appends all parts of a frozen machine to buf. KT_VM_E_STATE; negative errno; with diag. */
int kt_kvm_save(struct kt_kvm *kvm, struct kt_buf *buf, struct kt_diag *diag) _kt_must_check_;

/* Durations of the parts of kt_kvm_restore(). */
struct kt_kvm_restore_times {
	uint64_t vcpus_ns, irqchip_ns, clock_ns;
};

/*
 * Restores `saved` into a machine that is not started or frozen, and has as many vCPUs and
 * the same APIC ids as the saved one. The machine is frozen afterwards. A condition of enum
 * kt_kvm_state_condition: the state is malformed or does not fit; -EBUSY: the machine runs or
 * has ended; other negative errno, also if KVM refuses a part; all with diag. After an error
 * the machine must not be used.
 */
int kt_kvm_restore(struct kt_kvm *kvm, const struct kt_kvm_saved *saved,
		   struct kt_kvm_restore_times *ret_times, struct kt_diag *diag) _kt_must_check_;
