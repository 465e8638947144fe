/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Linux makes of CPUID (arch/x86/kernel/cpu: topology_ext.c,
 * topology_amd.c, cacheinfo.c), and its comparison with a declared topology: two
 * vCPUs share a core, a cache, a package if and only if they were declared to.
 * It knows nothing of how ids were made. Failures are assertions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/topology.h"
#include "tests/unit/test.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* One vCPU's answers. */
struct cpuid_source {
	struct cpuid_regs (*query)(void *arg, uint32_t leaf, uint32_t index);
	void *arg;
};

struct guest_cpu {
	bool llc_is_package; /* all that an AMD CPU before family 17h can say */
	uint32_t apic_id;
	uint32_t core, die, package, llc, l1[2], l2;
	uint32_t node_id; /* AMD */
	unsigned int threads_of_core, cpus_of_die, cpus_of_package;
};

struct cpuid_machine {
	struct kt_topology topo;
	struct guest_cpu cpus[KT_CPUS_MAX];
};

static inline struct cpuid_regs cpuid_ask(const struct cpuid_source *s, uint32_t leaf,
					  uint32_t index)
{
	return s->query(s->arg, leaf, index);
}

static inline unsigned int cpuid_order(unsigned int count)
{
	unsigned int n = 0;

	while (1u << n < count)
		n++;
	return n;
}

/* The last level's shift leads to the package; false: the leaf is not there. */
static inline bool cpuid_read_levels(const struct cpuid_source *s, uint32_t leaf,
				     struct guest_cpu *cpu)
{
	struct cpuid_regs e = cpuid_ask(s, leaf, 0);
	unsigned int smt = 0, core = 0, package = 0, type;

	if (!e.ebx || (e.ecx >> 8 & 0xff) != 1)
		return false;
	for (uint32_t i = 0; i < 8; i++) {
		e = cpuid_ask(s, leaf, i);
		type = e.ecx >> 8 & 0xff;
		if (!type)
			break;
		assert_int_equal(e.ecx & 0xff, i);
		package = e.eax & 0x1f;
		cpu->cpus_of_package = e.ebx & 0xffff;
		smt = type == 1 ? package : smt;
		core = type == 2 ? package : core;
		if (type == 1)
			cpu->threads_of_core = cpu->cpus_of_package;
		if (type == 2)
			cpu->cpus_of_die = cpu->cpus_of_package;
		cpu->apic_id = e.edx;
	}
	cpu->core = cpu->apic_id >> smt;
	cpu->die = cpu->apic_id >> core;
	cpu->package = cpu->apic_id >> package;
	return true;
}

/* Two first-level caches, one second-level, one third-level, then none. */
static inline void cpuid_read_caches(const struct cpuid_source *s, uint32_t leaf,
				     struct guest_cpu *cpu)
{
	static const unsigned int types[] = { 1, 2, 3, 3 }, levels[] = { 1, 1, 2, 3 };
	uint32_t *ids[] = { &cpu->l1[0], &cpu->l1[1], &cpu->l2, &cpu->llc };

	for (uint32_t i = 0; i < 4; i++) {
		struct cpuid_regs e = cpuid_ask(s, leaf, i);

		assert_int_equal(e.eax & 0x1f, types[i]);
		assert_int_equal(e.eax >> 5 & 7, levels[i]);
		*ids[i] = cpu->apic_id >> cpuid_order((e.eax >> 14 & 0xfff) + 1);
		assert_true(((e.ebx & 0xfff) + 1) * ((e.ebx >> 22) + 1) * (e.ecx + 1) >= 32768);
	}
	assert_int_equal(cpuid_ask(s, leaf, 4).eax & 0x1f, 0);
}

static inline void cpuid_read_intel(const struct cpuid_source *s, struct guest_cpu *cpu)
{
	struct guest_cpu old = { 0 };
	uint32_t cores;

	assert_true(cpuid_ask(s, 0, 0).eax >= 0x1f);
	assert_true(cpuid_read_levels(s, 0x1f, cpu));
	assert_true(cpuid_read_levels(s, 0xb, &old));
	assert_int_equal(old.apic_id, cpu->apic_id);
	assert_int_equal(old.package, cpu->package);
	assert_int_equal(old.core, cpu->core);
	assert_int_equal(old.threads_of_core, cpu->threads_of_core);
	assert_int_equal(old.cpus_of_package, cpu->cpus_of_package);
	cpuid_read_caches(s, 4, cpu);
	cores = (cpuid_ask(s, 4, 0).eax >> 26) + 1;
	assert_true(cores * cpu->threads_of_core >= cpu->cpus_of_package || cores == 64);
}

static inline void cpuid_read_amd(const struct cpuid_source *s, struct guest_cpu *cpu)
{
	struct cpuid_regs e = cpuid_ask(s, 0x8000001e, 0), cores = cpuid_ask(s, 0x80000008, 0);
	uint32_t signature = cpuid_ask(s, 1, 0).eax;
	unsigned int family = signature >> 8 & 0xf;

	assert_true(cpuid_ask(s, 0x80000000, 0).eax >= 0x8000001e);
	assert_true(cpuid_ask(s, 0x80000001, 0).ecx & 1u << 22);
	assert_false(cpuid_read_levels(s, 0x1f, cpu));
	assert_false(cpuid_read_levels(s, 0x80000026, cpu));
	assert_true(cpuid_read_levels(s, 0xb, cpu));
	assert_int_equal(e.eax, cpu->apic_id);
	assert_int_equal((e.ebx >> 8 & 0xff) + 1, cpu->threads_of_core);
	assert_int_equal((cores.ecx & 0xff) + 1, cpu->cpus_of_package);
	assert_int_equal(cpu->apic_id >> (cores.ecx >> 12 & 0xf), cpu->package);
	assert_int_equal(e.ecx >> 8 & 7, 0);
	cpu->node_id = e.ecx & 0xff;
	cpuid_read_caches(s, 0x8000001d, cpu);
	assert_true(cpuid_ask(s, 0x80000006, 0).edx);
	family += family == 0xf ? signature >> 20 & 0xff : 0;
	cpu->llc_is_package = family < 0x17;
	if (cpu->llc_is_package)
		cpu->llc = cpu->node_id;
}

static inline void cpuid_read_common(const struct cpuid_source *s, const struct guest_cpu *cpu)
{
	struct cpuid_regs e = cpuid_ask(s, 1, 0);
	uint32_t ids = e.ebx >> 16 & 0xff;
	char signature[12];

	assert_int_equal(e.ebx >> 24, cpu->apic_id);
	assert_true(ids >= cpu->cpus_of_package);
	/* Without it ids is not valid; with it, one is as well said as not. */
	assert_true(ids == 1 || e.edx & 1u << 28);
	assert_true(e.ecx & 1u << 31);
	e = cpuid_ask(s, 0x40000000, 0);
	memcpy(signature, &e.ebx, 12);
	assert_memory_equal(signature, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(e.eax, 0x40000001);
	assert_true(cpuid_ask(s, 0x40000001, 0).eax);
}

static inline struct guest_cpu cpuid_view(const struct cpuid_source *s)
{
	struct guest_cpu cpu = { 0 };

	if (cpuid_ask(s, 0, 0).ebx == 0x756e6547) /* "Genu" */
		cpuid_read_intel(s, &cpu);
	else
		cpuid_read_amd(s, &cpu);
	cpuid_read_common(s, &cpu);
	return cpu;
}

static inline void cpuid_compare_two(const struct cpuid_machine *m, unsigned int i, unsigned int k)
{
	const struct guest_cpu *a = &m->cpus[i], *b = &m->cpus[k];
	struct kt_topology_place p = kt_topology_place(&m->topo, i);
	struct kt_topology_place q = kt_topology_place(&m->topo, k);

	assert_int_not_equal(a->apic_id, b->apic_id);
	assert_int_equal(a->core == b->core, p.core == q.core);
	assert_int_equal(a->l1[0] == b->l1[0], p.core == q.core);
	assert_int_equal(a->l1[1] == b->l1[1], p.core == q.core);
	assert_int_equal(a->l2 == b->l2, p.core == q.core);
	assert_int_equal(a->llc == b->llc, p.llc == q.llc);
	assert_int_equal(a->package == b->package,
			 a->llc_is_package ? p.llc == q.llc : p.node == q.node);
}

/* intel: the die is the LLC; AMD has no leaf for it here. */
static inline void cpuid_compare(const struct cpuid_machine *m, bool intel)
{
	unsigned int cpus = kt_topology_cpus(&m->topo);

	for (unsigned int i = 0; i < cpus; i++) {
		const struct guest_cpu *cpu = &m->cpus[i];
		struct kt_topology_place p = kt_topology_place(&m->topo, i);

		assert_int_equal(cpu->threads_of_core, m->topo.threads_per_core);
		assert_int_equal(cpu->cpus_of_package,
				 cpu->llc_is_package ? kt_topology_llc_cpus(&m->topo, p.llc) :
						       kt_topology_node_cpus(&m->topo, p.node));
		if (!intel)
			assert_int_equal(cpu->node_id, cpu->llc_is_package ? p.llc : p.node);
		if (intel)
			assert_int_equal(cpu->cpus_of_die, kt_topology_llc_cpus(&m->topo, p.llc));
		for (unsigned int k = 0; k < i; k++)
			cpuid_compare_two(m, i, k);
		if (intel && i)
			assert_int_equal(cpu->die == m->cpus[i - 1].die,
					 p.llc == kt_topology_place(&m->topo, i - 1).llc);
	}
}
