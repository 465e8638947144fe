/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for measurements, which the host disturbs as little as possible:
 *
 *   each vCPU has a CPU of the host to itself, and one CPU is left for ktest
 *   RAM is made of huge pages
 *   HLT and PAUSE do not leave the guest (KVM_CAP_X86_DISABLE_EXITS): an idle
 *   vCPU waits on its CPU, and a spinning vCPU keeps its CPU
 *   where HLT must leave the guest, KVM polls before it releases the CPU
 *   (KVM_CAP_HALT_POLL)
 *
 * A machine has all of these or none, because figures of half of them would mislead.
 */
#pragma once

#include "vmm/kvm/machine.h"

#define KT_KVM_HALT_POLL_NS 200000u /* ns, at most; KVM's own default */

#define KT_HUGE_PAGE_BYTES (UINT64_C(2) << 20)

struct kt_huge_pages {
	uint64_t total; /* value of vm.nr_hugepages */
	uint64_t free;	/* free and not reserved */
};

/* Counts the host's pages of KT_HUGE_PAGE_BYTES; zeros if the host has none. Negative errno. */
int kt_huge_pages_count(struct kt_huge_pages *ret_pages) _kt_must_check_;
/* Value of vm.nr_hugepages with which `free` pages would be free. */
uint64_t kt_huge_pages_wanted(const struct kt_huge_pages *pages, uint64_t free);

/* Checks the host. KT_VM_E_SPEC: diag says what the host lacks; negative errno. */
int kt_kvm_perf_check(const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;

/* Disables the exits of a VM that has no vCPUs yet. Negative errno with diag. */
int kt_kvm_perf_enable(int vm_fd, struct kt_diag *diag) _kt_must_check_;

/* Pins each vCPU's thread, before the machine is started. Negative errno with diag. */
int kt_kvm_perf_pin(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
