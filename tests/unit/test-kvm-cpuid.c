/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID of the vCPUs, for hosts that are made up, read back and compared with the declaration. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/cpuid-view.h"
#include "tests/unit/test.h"
#include "vmm/kvm/x86/cpuid.h"

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
		.function = leaf,
		.index = index,
		.eax = eax,
		.ebx = ebx,
		.ecx = ecx,
		.edx = edx,
		.flags = leaf == 7 ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
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

/* ---- reading ---- */

static struct cpuid_regs query(void *arg, uint32_t leaf, uint32_t index)
{
	const struct kt_kvm_cpuid *c = arg;

	for (uint32_t i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == leaf &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return (struct cpuid_regs){ e->eax, e->ebx, e->ecx, e->edx };
	}
	return (struct cpuid_regs){ 0 };
}

static void expect_features(struct kt_kvm_cpuid *c)
{
	struct cpuid_regs e = query(c, 1, 0);

	assert_int_equal(e.ebx & 0xffff, 0x0800);
	assert_int_equal(e.ecx, 0x80000201 | 1u << 24);
	assert_int_equal(e.edx >> 28 & 1, (e.ebx >> 16 & 0xff) > 1);
	assert_int_equal(query(c, 0x40000001, 0).eax, 0x01007efb);
}

static void expect_no_duplicates(const struct kt_kvm_cpuid *c)
{
	for (uint32_t i = 0; i < c->nent; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_false(c->entries[i].function == c->entries[k].function &&
				     c->entries[i].index == c->entries[k].index);
}

static void read_machine(struct cpuid_machine *m, const char *text, const char *vendor,
			 uint32_t signature)
{
	struct kt_kvm_cpuid_spec spec = { .topo = &m->topo, .tsc_deadline = true };
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, vendor, signature);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_ok(kt_topology_parse(&m->topo, text, &diag));
	assert_ok(kt_kvm_topology_check(&m->topo, &diag));
	for (unsigned int i = 0; i < kt_topology_cpus(&m->topo); i++) {
		assert_ok(kt_kvm_cpuid_make(&cpuid, &spec, i, &diag));
		expect_no_duplicates(&cpuid);
		m->cpus[i] = cpuid_view(&(struct cpuid_source){ query, &cpuid });
		expect_features(&cpuid);
	}
}

static void compare_all(const char *vendor, uint32_t signature)
{
	struct cpuid_machine m;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		read_machine(&m, topologies[i], vendor, signature);
		cpuid_compare(&m, vendor[0] == 'G');
	}
}

/* Whatever a KVM offers: no memory encryption, no machines in the machine, no enclaves. */
TEST(test_what_the_machine_does_not_back)
{
	struct kt_topology topo = { 1, 1, 1, 1 };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo, .tsc_deadline = true };
	static const uint32_t withheld[] = { 0x12, 0x8000000a, 0x8000001f };
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, "AuthenticAMD", 0x00a20f10);
	host.entries[1].ecx |= 1u << 5; /* VMX */
	host.entries[8].eax = 0x80000023;
	host.entries[9].ecx |= 1u << 2 | 1; /* SVM; LAHF stays */
	host_entry(&host, 7, 0, 1, 1u << 2 | 1u << 5, 1u << 30 | 1u << 22, 1u << 4);
	host_entry(&host, 7, 1, 1u << 2, 1u << 2, 1u << 30, 0);
	host_entry(&host, 0x12, 0, 3, 0, 0, 0x2f1f);
	host_entry(&host, 0x12, 1, 0x36, 0, 0x1f, 0);
	host_entry(&host, 0x8000000a, 0, 1, 0x8000, 0, 0x119b9cff);
	host_entry(&host, 0x8000001f, 0, 0x1017, 0x16f, 0x10, 1);
	host_entry(&host, 0x80000021, 0, 0x45, 0, 0, 0);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_ok(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag));
	for (uint32_t i = 0; i < cpuid.nent; i++)
		for (size_t k = 0; k < KT_ARRAY_SIZE(withheld); k++)
			assert_int_not_equal(cpuid.entries[i].function, withheld[k]);
	assert_int_equal(query(&cpuid, 1, 0).ecx & 1u << 5, 0);
	assert_int_equal(query(&cpuid, 0x80000001, 0).ecx & 5, 1);
	assert_int_equal(query(&cpuid, 7, 0).ebx, 1u << 5);
	assert_int_equal(query(&cpuid, 7, 0).ecx, 1u << 22);
	assert_int_equal(query(&cpuid, 7, 0).edx, 1u << 4);
	/* The rest comes as it is. */
	assert_int_equal(query(&cpuid, 7, 1).ecx, 1u << 30);
	assert_int_equal(query(&cpuid, 0x80000021, 0).eax, 0x45);
	assert_int_equal(query(&cpuid, 0x80000000, 0).eax, 0x80000023);
}

TEST(test_intel)
{
	compare_all("GenuineIntel", 0x000906ea);
}

TEST(test_amd)
{
	compare_all("AuthenticAMD", 0x00a20f10); /* family 19h */
}

/* There the LLC can only be told as a package. */
TEST(test_amd_before_zen)
{
	compare_all("AuthenticAMD", 0x00000663);
	compare_all("AuthenticAMD", 0x00730f01); /* family 16h */
}

TEST(test_gaps_in_apic_ids)
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

TEST(test_too_many_apic_ids)
{
	struct kt_topology last = { 1, 1, 127, 2 }, most = { 1, 1, 254, 1 };
	struct kt_topology many = { 1, 1, 255, 1 }, gaps = { 3, 9, 5, 3 }, ids = { 1, 1, 85, 3 };
	struct kt_topology uneven = { 1, 5, 0, 1, .cores = { 1, 33, 1, 1, 1 } };
	struct kt_diag diag = KT_DIAG_INIT;

	assert_int_equal(kt_kvm_topology_check(&last, &diag), 0);
	assert_int_equal(kt_kvm_topology_check(&most, &diag), 0);
	assert_int_equal(kt_kvm_topology_check(&many, &diag), KT_KVM_CPUID_E_TOPOLOGY);
	assert_contains(diag.cause, "1n1l255c1t has 255 CPUs; under kvm the most is 254");
	assert_int_equal(kt_kvm_topology_check(&gaps, NULL), KT_KVM_CPUID_E_TOPOLOGY);
	assert_int_equal(kt_kvm_topology_check(&ids, NULL), KT_KVM_CPUID_E_TOPOLOGY);
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_topology_check(&uneven, &diag), KT_KVM_CPUID_E_TOPOLOGY);
	assert_contains(diag.cause, "1n5l1,33,1,1,1c1t needs APIC ids up to 256");
}

TEST(test_without_tsc_deadline)
{
	struct kt_topology topo = { 1, 1, 1, 1 };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo };
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, "GenuineIntel", 0x000906ea);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, NULL), 0);
	assert_int_equal(query(&cpuid, 1, 0).ecx, 0x80000201);
}

TEST(test_first_llc_of_one_cpu)
{
	struct kt_topology topo = { 1, 2, 0, 1, .cores = { 1, 2 } };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_cpuid cpuid;
	struct host host;

	make_host(&host, "AuthenticAMD", 0x00a20f10);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), 0);
	make_host(&host, "AuthenticAMD", 0x00000f10);
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), KT_KVM_CPUID_E_TOPOLOGY);
	assert_contains(diag.cause, "1n2l1,2c1t has one CPU in LLC 0");
}

TEST(test_hosts_that_are_refused)
{
	struct kt_topology topo = { 1, 1, 1, 1 };
	struct kt_kvm_cpuid_spec spec = { .topo = &topo };
	struct kt_diag diag = KT_DIAG_INIT;
	struct kt_kvm_cpuid cpuid, *full;
	struct host host;

	make_host(&host, "CentaurHauls", 0x6f0);
	spec.supported = (const struct kvm_cpuid2 *)&host;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), KT_KVM_CPUID_E_HOST);
	assert_contains(diag.cause, "neither an Intel nor an AMD");
	host.nent = 0;
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, NULL), KT_KVM_CPUID_E_HOST);
	full = calloc(1, sizeof(*full));
	assert_non_null(full);
	full->nent = KT_KVM_CPUID_MAX;
	spec.supported = (const struct kvm_cpuid2 *)full;
	kt_diag_reset(&diag);
	assert_int_equal(kt_kvm_cpuid_make(&cpuid, &spec, 0, &diag), KT_KVM_CPUID_E_HOST);
	assert_contains(diag.cause, "256 entries");
	free(full);
}
