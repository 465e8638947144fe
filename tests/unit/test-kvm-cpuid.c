/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID of the vCPUs, read back in the way of Linux (arch/x86/kernel/cpu:
 * topology_ext.c, topology_amd.c, cacheinfo.c) and compared with the declared
 * topology: two vCPUs share a core, an LLC, a package if and only if they were
 * declared to. The reader knows nothing of how ids were made.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/kvm/cpuid.h"

static const char *const topologies[] = {
	"1n1l1c1t",   "1n1l2c1t",	"1n1l1c2t",	"1n2l2c1t",	"2n2l2c2t",
	"2n4l4c2t",   "1n3l3c1t",	"2n6l3c2t",	"3n3l5c1t",	"1n1l6c3t",
	"4n8l4c2t",   "2n2l7c2t",	"1n4l16c2t",	"8n8l8c2t",	"1n5l1c2t",
	"5n5l1c1t",   "1n1l1c3t",	"2n4l30c2t",	"1n1l127c2t",	"1n2l4,2c1t",
	"1n2l2,4c2t", "2n4l1,3,2,5c2t", "3n3l1,2,3c3t", "2n2l7,1c1t2m", "1n1l2c1t1m:17"
};

struct host {
	uint32_t nent, padding;
	struct kvm_cpuid_entry2 entries[32];
};

_Static_assert(offsetof(struct host, entries) == offsetof(struct kvm_cpuid2, entries), "layout");
_Static_assert(offsetof(struct kt_kvm_cpuid, entries) == offsetof(struct kvm_cpuid2, entries),
	       "layout");

static void host_entry(struct host *host, uint32_t leaf, uint32_t index, uint32_t eax, uint32_t ebx,
		       uint32_t ecx, uint32_t edx)
{
	host->entries[host->nent++] = (struct kvm_cpuid_entry2){
		.function = leaf, .index = index, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx
	};
}

/* A host with a topology of its own (APIC id 0x2a, ...), none of which may come through. */
static void make_host(struct host *host, const char *vendor, uint32_t signature)
{
	uint32_t v[3];

	memcpy(v, vendor, 12);
	*host = (struct host){ .nent = 0 };
	host_entry(host, 0, 0, 0x10, v[0], v[2], v[1]);
	host_entry(host, 1, 0, signature, 0x2a100800, 0x01000201, 0x178bfbff);
	host_entry(host, 4, 0, 0x7c07c121, 1, 2, 3);
	host_entry(host, 0xb, 0, 3, 8, 0x100, 0x2a);
	host_entry(host, 0xb, 1, 5, 32, 0x201, 0x2a);
	host_entry(host, 0x1f, 0, 3, 8, 0x100, 0x2a);
	host_entry(host, 0x40000000, 0, 0x40000001, 1, 2, 3);
	host_entry(host, 0x40000001, 0, 0x01007efb, 0, 0, 0);
	host_entry(host, 0x80000000, 0, 0x8000001a, 0, 0, 0);
	host_entry(host, 0x80000001, 0, 0, 0, 0, 0x2c100800);
	host_entry(host, 0x80000008, 0, 0x3030, 0, 0x4f3f, 0);
	host_entry(host, 0x8000001d, 0, 0x0c01c121, 1, 2, 3);
	host_entry(host, 0x8000001e, 0, 0x2a, 0x2a, 0x2a, 0);
	host_entry(host, 0x80000026, 0, 3, 8, 0x100, 0x2a);
}

#define INTEL	   "GenuineIntel", 0x000906eau
#define AMD_ZEN	   "AuthenticAMD", 0x00a20f10u /* family 19h */
#define AMD_BEFORE "AuthenticAMD", 0x00000663u

/* ---- reading as Linux does ---- */

struct guest_cpu {
	uint32_t apic_id;
	uint32_t core, package, llc, l2, node_id;
	unsigned int threads_of_core, cpus_of_package;
};

static const struct kvm_cpuid_entry2 *query(const struct kt_kvm_cpuid *c, uint32_t leaf,
					    uint32_t index)
{
	static const struct kvm_cpuid_entry2 none;

	for (uint32_t i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == leaf &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return &none;
}

static unsigned int order(unsigned int count)
{
	unsigned int n = 0;

	while (1u << n < count)
		n++;
	return n;
}

/* The last level's shift leads to the package; false: the leaf is not there. */
static bool read_levels(const struct kt_kvm_cpuid *c, uint32_t leaf, struct guest_cpu *cpu)
{
	unsigned int smt = 0, package = 0;
	const struct kvm_cpuid_entry2 *e = query(c, leaf, 0);

	if (!e->ebx || (e->ecx >> 8 & 0xff) != 1)
		return false;
	for (uint32_t i = 0; i < 8; i++) {
		e = query(c, leaf, i);
		assert_int_equal(e->ecx & 0xff, e->function ? i : 0);
		if (!(e->ecx >> 8 & 0xff))
			break;
		package = e->eax & 0x1f;
		cpu->cpus_of_package = e->ebx & 0xffff;
		if ((e->ecx >> 8 & 0xff) == 1) {
			smt = package;
			cpu->threads_of_core = e->ebx & 0xffff;
		}
		cpu->apic_id = e->edx;
	}
	cpu->core = cpu->apic_id >> smt;
	cpu->package = cpu->apic_id >> package;
	return true;
}

static void read_caches(const struct kt_kvm_cpuid *c, uint32_t leaf, struct guest_cpu *cpu)
{
	unsigned int count = 0;

	for (; query(c, leaf, count)->eax & 0x1f; count++) {
		const struct kvm_cpuid_entry2 *e = query(c, leaf, count);
		unsigned int sharing = (e->eax >> 14 & 0xfff) + 1;

		if ((e->eax >> 5 & 7) == 2)
			cpu->l2 = cpu->apic_id >> order(sharing);
		if ((e->eax >> 5 & 7) == 3)
			cpu->llc = cpu->apic_id >> order(sharing);
	}
	assert_int_equal(count, 4);
}

static void read_intel(const struct kt_kvm_cpuid *c, struct guest_cpu *cpu)
{
	struct guest_cpu old = { 0 };

	assert_true(query(c, 0, 0)->eax >= 0x1f);
	assert_true(read_levels(c, 0x1f, cpu));
	assert_true(read_levels(c, 0xb, &old));
	assert_int_equal(old.package, cpu->package);
	assert_int_equal(old.core, cpu->core);
	assert_int_equal(old.cpus_of_package, cpu->cpus_of_package);
	read_caches(c, 4, cpu);
}

static void read_amd(const struct kt_kvm_cpuid *c, bool zen, struct guest_cpu *cpu)
{
	const struct kvm_cpuid_entry2 *e = query(c, 0x8000001e, 0);
	const struct kvm_cpuid_entry2 *cores = query(c, 0x80000008, 0);

	assert_true(query(c, 0x80000000, 0)->eax >= 0x8000001e);
	assert_true(query(c, 0x80000001, 0)->ecx & 1u << 22);
	assert_false(read_levels(c, 0x1f, cpu));
	assert_false(read_levels(c, 0x80000026, cpu));
	assert_true(read_levels(c, 0xb, cpu));
	assert_int_equal(e->eax, cpu->apic_id);
	assert_int_equal((e->ebx >> 8 & 0xff) + 1, cpu->threads_of_core);
	assert_int_equal((cores->ecx & 0xff) + 1, cpu->cpus_of_package);
	assert_int_equal(cpu->apic_id >> (cores->ecx >> 12 & 0xf), cpu->package);
	assert_int_equal(e->ecx >> 8 & 7, 0);
	cpu->node_id = e->ecx & 0xff;
	read_caches(c, 0x8000001d, cpu);
	assert_true(query(c, 0x80000006, 0)->edx);
	if (!zen)
		cpu->llc = cpu->node_id;
}

static void read_common(const struct kt_kvm_cpuid *c, const struct guest_cpu *cpu)
{
	const struct kvm_cpuid_entry2 *e = query(c, 1, 0);
	char signature[12];

	assert_int_equal(e->ebx >> 24, cpu->apic_id);
	assert_true((e->ebx >> 16 & 0xff) >= cpu->cpus_of_package);
	assert_int_equal(e->ebx & 0xffff, 0x0800);
	assert_int_equal(e->edx >> 28 & 1, (e->ebx >> 16 & 0xff) > 1);
	assert_int_equal(e->ecx, 0x80000201 | 1u << 24);
	e = query(c, 0x40000000, 0);
	memcpy(signature, &e->ebx, 12);
	assert_memory_equal(signature, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(e->eax, 0x40000001);
	assert_int_equal(query(c, 0x40000001, 0)->eax, 0x01007efb);
}

/* ---- comparison ---- */

struct machine {
	struct kt_topology topo;
	struct guest_cpu cpus[KT_CPUS_MAX];
};

static void expect_no_duplicates(const struct kt_kvm_cpuid *c)
{
	for (uint32_t i = 0; i < c->nent; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_false(c->entries[i].function == c->entries[k].function &&
				     c->entries[i].index == c->entries[k].index);
}

static void read_machine(struct machine *m, const char *text, const char *vendor,
			 uint32_t signature)
{
	struct kt_kvm_cpuid_spec spec = { .topo = &m->topo, .tsc_deadline = true };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, vendor, signature);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_topology_parse(&m->topo, text, &diag), 0);
	assert_int_equal(kt_kvm_topology_check(&m->topo, &diag), 0);
	for (unsigned int i = 0; i < kt_topology_cpus(&m->topo); i++) {
		assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, i, &diag), 0);
		expect_no_duplicates(&cpuid);
		if (vendor[0] == 'G')
			read_intel(&cpuid, &m->cpus[i]);
		else
			read_amd(&cpuid, signature > 0xffff, &m->cpus[i]);
		read_common(&cpuid, &m->cpus[i]);
	}
}

static void compare_two(const struct machine *m, unsigned int i, unsigned int k,
			bool llc_is_package)
{
	const struct guest_cpu *a = &m->cpus[i], *b = &m->cpus[k];
	struct kt_topology_place p = kt_topology_place(&m->topo, i);
	struct kt_topology_place q = kt_topology_place(&m->topo, k);

	assert_int_not_equal(a->apic_id, b->apic_id);
	assert_int_equal(a->core == b->core, p.core == q.core);
	assert_int_equal(a->l2 == b->l2, p.core == q.core);
	assert_int_equal(a->llc == b->llc, p.llc == q.llc);
	assert_int_equal(a->package == b->package,
			 llc_is_package ? p.llc == q.llc : p.node == q.node);
}

static void compare(const struct machine *m, bool llc_is_package)
{
	unsigned int cpus = kt_topology_cpus(&m->topo);

	for (unsigned int i = 0; i < cpus; i++) {
		struct kt_topology_place p = kt_topology_place(&m->topo, i);

		assert_int_equal(m->cpus[i].threads_of_core, m->topo.threads_per_core);
		assert_int_equal(m->cpus[i].cpus_of_package,
				 llc_is_package ? kt_topology_llc_cpus(&m->topo, p.llc) :
						  kt_topology_node_cpus(&m->topo, p.node));
		for (unsigned int k = 0; k < i; k++)
			compare_two(m, i, k, llc_is_package);
	}
}

static void test_intel(void **state)
{
	struct machine m;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		read_machine(&m, topologies[i], INTEL);
		compare(&m, false);
	}
}

static void test_amd(void **state)
{
	struct machine m;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		read_machine(&m, topologies[i], AMD_ZEN);
		compare(&m, false);
		for (unsigned int k = 0; k < kt_topology_cpus(&m.topo); k++)
			assert_int_equal(m.cpus[k].node_id, kt_topology_place(&m.topo, k).node);
	}
}

/* There the LLC can only be told as a package. */
static void test_amd_before_zen(void **state)
{
	struct machine m;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		read_machine(&m, topologies[i], AMD_BEFORE);
		compare(&m, true);
	}
}

static void test_gaps_in_apic_ids(void **state)
{
	struct kt_topology topo = { 2, 6, 3, 2 };

	assert_int_equal(kt_kvm_apic_id(&topo, 0), 0);
	assert_int_equal(kt_kvm_apic_id(&topo, 5), 5);
	assert_int_equal(kt_kvm_apic_id(&topo, 6), 8);
	assert_int_equal(kt_kvm_apic_id(&topo, 17), 16 + 5);
	assert_int_equal(kt_kvm_apic_id(&topo, 18), 32);
	assert_int_equal(kt_topology_parse(&topo, "2n4l1,3,2,1c2t", NULL), 0);
	assert_int_equal(kt_kvm_apic_id(&topo, 1), 1);
	assert_int_equal(kt_kvm_apic_id(&topo, 2), 8);
	assert_int_equal(kt_kvm_apic_id(&topo, 7), 13);
	assert_int_equal(kt_kvm_apic_id(&topo, 8), 16);
	assert_int_equal(kt_kvm_apic_id(&topo, 12), 24);
}

static void test_too_many_apic_ids(void **state)
{
	struct kt_topology last = { 1, 1, 127, 2 }, most = { 1, 1, 254, 1 };
	struct kt_topology many = { 1, 1, 255, 1 }, gaps = { 3, 9, 5, 3 }, ids = { 1, 1, 85, 3 };
	struct kt_topology uneven = { 1, 5, 0, 1, .cores = { 1, 33, 1, 1, 1 } };
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_topology_check(&last, &diag), 0);
	assert_int_equal(kt_kvm_topology_check(&most, &diag), 0);
	assert_int_equal(kt_kvm_topology_check(&many, &diag), KT_KVM_CPUID_E_TOPOLOGY);
	assert_non_null(strstr(diag.cause, "1n1l255c1t has 255 CPUs; under kvm the most is 254"));
	assert_int_equal(kt_kvm_topology_check(&gaps, NULL), KT_KVM_CPUID_E_TOPOLOGY);
	assert_int_equal(kt_kvm_topology_check(&ids, NULL), KT_KVM_CPUID_E_TOPOLOGY);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_topology_check(&uneven, &diag), KT_KVM_CPUID_E_TOPOLOGY);
	assert_non_null(strstr(diag.cause, "1n5l1,33,1,1,1c1t needs APIC ids up to 256"));
}

static void test_without_tsc_deadline(void **state)
{
	struct kt_topology topo = { 1, 1, 1, 1 };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo };
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, INTEL);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, NULL), 0);
	assert_int_equal(query(&cpuid, 1, 0)->ecx, 0x80000201);
}

static void test_hosts_that_are_refused(void **state)
{
	struct kt_topology topo = { 1, 1, 1, 1 };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_cpuid cpuid, *full;
	struct host host;

	make_host(&host, "CentaurHauls", 0x6f0);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), KT_KVM_CPUID_E_HOST);
	assert_non_null(strstr(diag.cause, "neither an Intel nor an AMD"));
	host.nent = 0;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, NULL), KT_KVM_CPUID_E_HOST);
	full = calloc(1, sizeof(*full));
	assert_non_null(full);
	full->nent = KT_KVM_CPUID_MAX;
	spec.supported = (const struct kvm_cpuid2 *)full;
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), KT_KVM_CPUID_E_HOST);
	assert_non_null(strstr(diag.cause, "256 entries"));
	free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intel),
		cmocka_unit_test(test_amd),
		cmocka_unit_test(test_amd_before_zen),
		cmocka_unit_test(test_gaps_in_apic_ids),
		cmocka_unit_test(test_too_many_apic_ids),
		cmocka_unit_test(test_without_tsc_deadline),
		cmocka_unit_test(test_hosts_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
