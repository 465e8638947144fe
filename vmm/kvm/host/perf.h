/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for measuring: as little of the host in the guest's time as can be.
 *
 *   each vCPU has a CPU of the host to itself, and one is left for ktest
 *   RAM is made of huge pages
 *   HLT and PAUSE do not leave the guest (KVM_CAP_X86_DISABLE_EXITS): an idle
 *   vCPU waits on its CPU, ready, and a spinning one is not taken off it
 *   where HLT must leave the guest, KVM polls a while before it lets go of the
 *   CPU (KVM_CAP_HALT_POLL)
 *
 * All of it or nothing: figures of a machine that has half of it would mislead.
 */
#pragma once

#include "vmm/kvm/machine.h"

#define KT_KVM_HALT_POLL_NS 200000u /* KVM's own default for its hosts, as a maximum */

#define KT_HUGE_PAGE_BYTES (UINT64_C(2) << 20)

struct kt_huge_pages {
	uint64_t total; /* as vm.nr_hugepages */
	uint64_t free;	/* that nobody has reserved */
};

/* The host's pages of KT_HUGE_PAGE_BYTES. */
int kt_huge_pages_count(struct kt_huge_pages *ret_pages) _kt_must_check_;
/* What vm.nr_hugepages should be for this many to be free. */
uint64_t kt_huge_pages_wanted(const struct kt_huge_pages *pages, uint64_t free);

/* 0, or KT_VM_E_SPEC with diag: what the host lacks for this machine. */
int kt_kvm_perf_check(const struct kt_vm_config *config, struct kt_diag *diag) _kt_must_check_;

/* For a VM that has no vCPUs yet. Negative errno with diag. */
int kt_kvm_perf_enable(int vm_fd, struct kt_diag *diag) _kt_must_check_;

/* Gives each vCPU's thread its CPU; the machine is not started. */
int kt_kvm_perf_pin(struct kt_kvm *kvm, struct kt_diag *diag) _kt_must_check_;
