/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID says on each vCPU: what KVM can offer, with the machine's topology
 * in place of the host's. Pure: no ioctl, nothing is read but the arguments.
 *
 * APIC ids are made of bit fields, as on real machines: thread in core, core in
 * LLC, LLC in node, node, from the lowest bit up. A field is as wide as its
 * largest value needs, so counts that are not powers of two leave gaps, and so do
 * LLCs with fewer cores than others.
 *
 * A NUMA node is a package and an LLC is a die of it. To a guest on an AMD host
 * before family 17h each LLC is a package of its own, because Linux takes the
 * node of leaf 0x8000001E for the LLC there (cacheinfo_amd_init_llc_id() in
 * arch/x86/kernel/cpu/cacheinfo.c). NUMA nodes come from ACPI's SRAT in all cases. Linux
 * reads no leaf for the LLC on family 17h up to model 1Fh, where it has 8 APIC
 * ids; such a host shows the guest other LLCs than were asked for unless a core
 * complex of the topology has 8.
 *
 * Sizes of the caches are made up and the same on every host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "base/diag.h"
#include "base/error.h"
#include "proto/topology.h"

/* 8-bit APIC ids: 255 addresses all. ACPI tables know ids beyond, in their longer entries. */
#define KT_KVM_APIC_ID_MAX 254u
#define KT_KVM_CPUS_MAX	   254u

/* Most entries that the encoder takes and makes; KVM's own limit is 256. */
#define KT_KVM_CPUID_MAX 256u

struct kt_kvm_apic_layout {
	unsigned int thread_bits;
	unsigned int core_bits; /* of a core in its LLC */
	unsigned int llc_bits;	/* of an LLC in its node */
};

struct kt_kvm_apic_layout kt_kvm_apic_layout(const struct kt_topology *topo);

/* The APIC id of a vCPU; cpu below kt_topology_cpus(). */
uint32_t kt_kvm_apic_id(const struct kt_topology *topo, unsigned int cpu);

enum kt_kvm_cpuid_condition {
	/* too many vCPUs, or an APIC id above the maximum */
	KT_KVM_CPUID_E_TOPOLOGY = KT_CONDITION(KVM_CPUID),
	KT_KVM_CPUID_E_HOST, /* the host's entries are not usable */
};

/* Condition TOPOLOGY, with diag. */
int kt_kvm_topology_check(const struct kt_topology *topo, struct kt_diag *diag) _kt_must_check_;

struct kt_kvm_cpuid_spec {
	const struct kvm_cpuid2 *supported; /* KVM_GET_SUPPORTED_CPUID; borrowed for the call */
	const struct kt_topology *topo;	    /* passed the check; borrowed likewise */
	/*
	 * The host has KVM_CAP_TSC_DEADLINE_TIMER, which KVM_GET_SUPPORTED_CPUID
	 * leaves out as it depends on the in-kernel LAPIC. With it Linux does not
	 * measure the LAPIC timer, for which the machine has no other timer.
	 */
	bool tsc_deadline;
};

/* For KVM_SET_CPUID2: nent entries, laid out as the kernel's struct kvm_cpuid2. */
struct kt_kvm_cpuid {
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[KT_KVM_CPUID_MAX];
};

/*
 * Fills in what vCPU `cpu` shall have. Conditions, with diag, after which
 * ret_cpuid is of no use: HOST, neither Intel nor AMD (or Hygon), or more entries
 * than can be held; TOPOLOGY, it cannot be told to Linux on this host.
 */
int kt_kvm_cpuid_make(struct kt_kvm_cpuid *ret_cpuid, const struct kt_kvm_cpuid_spec *spec,
		      unsigned int cpu, struct kt_diag *diag) _kt_must_check_;
