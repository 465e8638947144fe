/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID of each vCPU: what KVM supports, with the machine's topology in place of the host's, and
 * without what the machine does not back (SEV, SVM, VMX, SGX). Uses no ioctl.
 *
 * APIC ids consist of bit fields, as on real machines; from the lowest bit up: thread in
 * core, core in LLC, LLC in node, node. A field is as wide as its largest value needs. So the
 * ids have gaps if a count is not a power of two, or if LLCs differ in their number of cores.
 *
 * A NUMA node is a package, and an LLC is a die of the package. Exception: a guest on an AMD
 * host before family 17h sees each LLC as a package, because Linux takes the node of leaf
 * 0x8000001E for the LLC there (cacheinfo_amd_init_llc_id() in
 * arch/x86/kernel/cpu/cacheinfo.c); NUMA nodes always come from ACPI's SRAT. On family 17h up
 * to model 1Fh, Linux reads no leaf for the LLC and assumes 8 APIC ids per LLC; on such a
 * host the guest sees other LLCs than declared, unless the LLCs of the topology have 8 APIC
 * ids.
 *
 * The sizes of the caches are invented, and equal on every host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/topology.h"

/* 8-bit APIC ids: 255 means all CPUs. ACPI's longer entries have room for larger ids. */
#define KT_KVM_APIC_ID_MAX 254u
#define KT_KVM_CPUS_MAX	   254u

/* Maximum number of entries, in and out; KVM's own limit is 256. */
#define KT_KVM_CPUID_MAX 256u

struct kt_kvm_apic_layout {
	unsigned int thread_bits;
	unsigned int core_bits; /* core in LLC */
	unsigned int llc_bits;	/* LLC in node */
};

struct kt_kvm_apic_layout kt_kvm_apic_layout(const struct kt_topology *topo);

/* The APIC id of a vCPU; cpu below kt_topology_cpus(). */
uint32_t kt_kvm_apic_id(const struct kt_topology *topo, unsigned int cpu);

enum kt_kvm_cpuid_condition {
	/* too many vCPUs, or an APIC id above the maximum */
	KT_KVM_CPUID_E_TOPOLOGY = KT_CONDITION(KVM_CPUID),
	KT_KVM_CPUID_E_HOST, /* the host's entries cannot be used */
};

/* Checks that all vCPUs get an APIC id. KT_KVM_CPUID_E_TOPOLOGY with diag. */
int kt_kvm_topology_check(const struct kt_topology *topo, struct kt_diag *diag) _kt_must_check_;

struct kt_kvm_cpuid_spec {
	const struct kvm_cpuid2 *supported; /* KVM_GET_SUPPORTED_CPUID; borrowed for the call */
	const struct kt_topology *topo; /* passed kt_kvm_topology_check(); borrowed for the call */
	/*
	 * The host has KVM_CAP_TSC_DEADLINE_TIMER. KVM_GET_SUPPORTED_CPUID does not report
	 * it, because it depends on the in-kernel LAPIC. Without the deadline timer, Linux
	 * would have to calibrate the LAPIC timer, for which the machine has no other timer.
	 */
	bool tsc_deadline;
};

/* Argument of KVM_SET_CPUID2: nent entries, laid out as struct kvm_cpuid2. */
struct kt_kvm_cpuid {
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[KT_KVM_CPUID_MAX];
};

/*
 * Makes the CPUID of vCPU cpu. KT_KVM_CPUID_E_HOST: the host's processor is not from Intel,
 * AMD or Hygon, or there are more than KT_KVM_CPUID_MAX entries. KT_KVM_CPUID_E_TOPOLOGY:
 * Linux on this host cannot see the topology. With diag, and without a usable *ret_cpuid.
 */
int kt_kvm_cpuid_make(struct kt_kvm_cpuid *ret_cpuid, const struct kt_kvm_cpuid_spec *spec,
		      unsigned int cpu, struct kt_diag *diag) _kt_must_check_;
