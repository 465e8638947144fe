/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The NUMA tables: SRAT (5.2.16), SLIT (5.2.17) and HMAT (5.2.28). HMAT is computed from the
 * distances of SLIT, so that the two agree: a distance of 10 is 100 ns and 12800 MB/s;
 * latency grows with the distance, bandwidth with its reciprocal.
 */
#include "vmm/kvm/boot/acpi-table.h"
#include "vmm/kvm/boot/acpi.h"
#include "vmm/kvm/x86/cpuid.h"

#define ENABLED 1u

/* Numbers of latency and bandwidth structures, 5.2.28.4. */
#define ACCESS_LATENCY	 0u
#define ACCESS_BANDWIDTH 3u

#define NS_PER_DISTANCE	  10u
#define MB_TIMES_DISTANCE 128000u
#define LATENCY_BASE_PS	  1000u /* entries are ns */
#define BANDWIDTH_BASE_MB 1u	/* entries are MB/s */

static void apic_affinity(struct kt_acpi_writer *w, uint32_t apic_id, unsigned int node)
{
	kt_acpi_u8(w, 0);
	kt_acpi_u8(w, 16);
	kt_acpi_u8(w, node);
	kt_acpi_u8(w, apic_id);
	kt_acpi_u32(w, ENABLED);
	kt_acpi_zeros(w, 8); /* EID, high bytes of the node, clock domain */
}

static void x2apic_affinity(struct kt_acpi_writer *w, uint32_t apic_id, unsigned int node)
{
	kt_acpi_u8(w, 2);
	kt_acpi_u8(w, 24);
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, node);
	kt_acpi_u32(w, apic_id);
	kt_acpi_u32(w, ENABLED);
	kt_acpi_zeros(w, 8); /* clock domain, reserved */
}

static void memory_affinity(struct kt_acpi_writer *w, const struct kt_vm_bank *bank)
{
	kt_acpi_u8(w, 1);
	kt_acpi_u8(w, 40);
	kt_acpi_u32(w, bank->node);
	kt_acpi_u16(w, 0);
	kt_acpi_u64(w, bank->start.v);
	kt_acpi_u64(w, bank->len);
	kt_acpi_u32(w, 0);
	kt_acpi_u32(w, ENABLED);
	kt_acpi_u64(w, 0);
}

void kt_acpi_srat(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec)
{
	kt_acpi_begin(w, "SRAT", 3);
	kt_acpi_u32(w, 1); /* reserved, to be 1 */
	kt_acpi_u64(w, 0);
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(spec->topo); cpu++) {
		uint32_t id = kt_kvm_apic_id(spec->topo, cpu);
		unsigned int node = kt_topology_place(spec->topo, cpu).node;

		if (id <= KT_KVM_APIC_ID_MAX)
			apic_affinity(w, id, node);
		else
			x2apic_affinity(w, id, node);
	}
	for (size_t i = 0; i < spec->bank_count; i++)
		memory_affinity(w, &spec->banks[i]);
	kt_acpi_end(w);
}

void kt_acpi_slit(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec)
{
	unsigned int nodes = kt_topology_nodes_all(spec->topo);

	kt_acpi_begin(w, "SLIT", 1);
	kt_acpi_u64(w, nodes);
	for (unsigned int from = 0; from < nodes; from++)
		for (unsigned int to = 0; to < nodes; to++)
			kt_acpi_u8(w, kt_topology_distance(spec->topo, from, to));
	kt_acpi_end(w);
}

/* The initiator attached to a node's memory: the node's CPUs, or none. */
static void memory_attributes(struct kt_acpi_writer *w, unsigned int node, bool has_cpus)
{
	kt_acpi_u16(w, 0);
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, 40);
	kt_acpi_u16(w, has_cpus); /* initiator is valid */
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, has_cpus ? node : 0);
	kt_acpi_u32(w, node);
	kt_acpi_zeros(w, 20);
}

static unsigned int measure(unsigned int what, unsigned int distance)
{
	return what == ACCESS_LATENCY ? distance * NS_PER_DISTANCE : MB_TIMES_DISTANCE / distance;
}

/* Values from each node with CPUs to each node with memory. */
static void locality(struct kt_acpi_writer *w, const struct kt_topology *topo, unsigned int what,
		     uint64_t base)
{
	unsigned int initiators = topo->nodes, targets = kt_topology_nodes_all(topo);

	kt_acpi_u16(w, 1);
	kt_acpi_u16(w, 0);
	kt_acpi_u32(w, 32 + 4 * initiators + 4 * targets + 2 * initiators * targets);
	kt_acpi_u8(w, 0); /* memory, not one of its caches */
	kt_acpi_u8(w, what);
	kt_acpi_u16(w, 0); /* no least transfer size */
	kt_acpi_u32(w, initiators);
	kt_acpi_u32(w, targets);
	kt_acpi_u32(w, 0);
	kt_acpi_u64(w, base);
	for (unsigned int i = 0; i < initiators; i++)
		kt_acpi_u32(w, i);
	for (unsigned int t = 0; t < targets; t++)
		kt_acpi_u32(w, t);
	for (unsigned int i = 0; i < initiators; i++)
		for (unsigned int t = 0; t < targets; t++)
			kt_acpi_u16(w, measure(what, kt_topology_distance(topo, i, t)));
}

void kt_acpi_hmat(struct kt_acpi_writer *w, const struct kt_kvm_acpi_spec *spec)
{
	kt_acpi_begin(w, "HMAT", 2);
	kt_acpi_u32(w, 0);
	for (unsigned int node = 0; node < kt_topology_nodes_all(spec->topo); node++)
		memory_attributes(w, node, node < spec->topo->nodes);
	locality(w, spec->topo, ACCESS_LATENCY, LATENCY_BASE_PS);
	locality(w, spec->topo, ACCESS_BANDWIDTH, BANDWIDTH_BASE_MB);
	kt_acpi_end(w);
}
