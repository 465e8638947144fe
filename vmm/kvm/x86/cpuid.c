/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID of a vCPU; see cpuid.h. Leaves: Intel SDM, volume 2A, CPUID, and AMD APM, volume 3,
 * appendix E. The topology leaves that KVM reports are the host's. They are dropped before
 * the machine's are added, so that no leaf is a mixture.
 *
 * Where a leaf has a number of sharing CPUs, it is the number of addressable APIC ids, a
 * power of two: Linux rounds APIC ids down by it to find the CPUs that share.
 */
#include <string.h>

#include <linux/kvm_para.h>

#include "vmm/kvm/x86/cpuid.h"

#define LEAF_CACHES	   0x4u
#define LEAF_EXTENDED	   0x7u
#define LEAF_TOPOLOGY	   0xbu
#define LEAF_SGX	   0x12u
#define LEAF_TOPOLOGY_V2   0x1fu
#define LEAF_EXT_MAX	   0x80000000u
#define LEAF_EXT_FEATURES  0x80000001u
#define LEAF_AMD_L2_L3	   0x80000006u
#define LEAF_AMD_CORES	   0x80000008u
#define LEAF_AMD_SVM	   0x8000000au
#define LEAF_AMD_CACHES	   0x8000001du
#define LEAF_AMD_TOPOLOGY  0x8000001eu
#define LEAF_AMD_SEV	   0x8000001fu
#define LEAF_AMD_TOPO_V2   0x80000026u
#define LEVEL_SMT	   1u
#define LEVEL_CORE	   2u
#define LEVEL_DIE	   5u
#define FEATURE_HTT	   (1u << 28) /* leaf 1, EDX */
#define FEATURE_VMX	   (1u << 5)  /* leaf 1, ECX */
#define FEATURE_TSC_DL	   (1u << 24) /* leaf 1, ECX */
#define FEATURE_HYPERVISOR (1u << 31) /* leaf 1, ECX */
#define FEATURE_SGX	   (1u << 2)  /* leaf 7, EBX */
#define FEATURE_SGX_LC	   (1u << 30) /* leaf 7, ECX */
#define FEATURE_CMP_LEGACY (1u << 1)  /* leaf 0x80000001, ECX */
#define FEATURE_SVM	   (1u << 2)  /* leaf 0x80000001, ECX */
#define FEATURE_TOPOEXT	   (1u << 22) /* leaf 0x80000001, ECX */

/* The first family in which Linux finds the LLC by leaf 0x8000001D. */
#define AMD_FAMILY_ZEN 0x17u

enum vendor { VENDOR_INTEL, VENDOR_AMD, VENDOR_OTHER };

static const struct cache {
	unsigned int type; /* 1 data, 2 instructions, 3 both */
	unsigned int level;
	unsigned int ways;
	unsigned int sets;
} caches[] = {
	{ 1, 1, 8, 64 },     /* 32 KiB */
	{ 2, 1, 8, 64 },     /* 32 KiB */
	{ 3, 2, 16, 1024 },  /* 1 MiB */
	{ 3, 3, 16, 16384 }, /* 16 MiB */
};

#define CACHES	   (sizeof(caches) / sizeof(caches[0]))
#define CACHE_LINE 64u

/* Everything that the leaves of one vCPU are made from. */
struct view {
	struct kt_kvm_apic_layout bits;
	const struct kt_topology *topo;
	enum vendor vendor;
	uint32_t apic_id;
	unsigned int llc_shift;	     /* APIC id to LLC */
	unsigned int package_shift;  /* APIC id to package */
	unsigned int llc_cpus;	     /* in this vCPU's LLC */
	unsigned int package_cpus;   /* in its package */
	unsigned int package_number; /* as counted, without gaps */
};

/* ---- topology ---- */

static unsigned int bits_for(unsigned int count)
{
	return count > 1 ? 32u - (unsigned int)__builtin_clz(count - 1) : 0;
}

struct kt_kvm_apic_layout kt_kvm_apic_layout(const struct kt_topology *topo)
{
	return (struct kt_kvm_apic_layout){
		.thread_bits = bits_for(topo->threads_per_core),
		.core_bits = bits_for(kt_topology_cores_max(topo)),
		.llc_bits = bits_for(kt_topology_llcs_per_node(topo)),
	};
}

uint32_t kt_kvm_apic_id(const struct kt_topology *topo, unsigned int cpu)
{
	struct kt_kvm_apic_layout bits = kt_kvm_apic_layout(topo);
	struct kt_topology_place place = kt_topology_place(topo, cpu);
	uint32_t id = place.node;

	id = id << bits.llc_bits | place.llc_in_node;
	id = id << bits.core_bits | place.core_in_llc;
	return id << bits.thread_bits | place.thread;
}

int kt_kvm_topology_check(const struct kt_topology *topo, struct kt_diag *diag)
{
	unsigned int cpus = kt_topology_cpus(topo);
	uint32_t last = kt_kvm_apic_id(topo, cpus - 1);
	char text[KT_TOPOLOGY_TEXT_MAX];

	if (cpus <= KT_KVM_CPUS_MAX && last <= KT_KVM_APIC_ID_MAX)
		return 0;
	kt_topology_format(topo, text);
	if (cpus > KT_KVM_CPUS_MAX)
		kt_diag_cause(diag, "topology %s has %u CPUs; under kvm the most is %u", text, cpus,
			      KT_KVM_CPUS_MAX);
	else
		kt_diag_cause(diag, "topology %s needs APIC ids up to %u; under kvm they end at %u",
			      text, last, KT_KVM_APIC_ID_MAX);
	kt_diag_remedy(diag, "use fewer CPUs, or counts that are powers of two");
	return KT_KVM_CPUID_E_TOPOLOGY;
}

/* ---- the list of entries ---- */

static struct kvm_cpuid_entry2 *find(struct kt_kvm_cpuid *list, uint32_t leaf)
{
	for (uint32_t i = 0; i < list->nent; i++)
		if (list->entries[i].function == leaf)
			return &list->entries[i];
	return NULL;
}

/* Room has been seen to: copy_host() leaves enough for all that is added. */
static struct kvm_cpuid_entry2 *add(struct kt_kvm_cpuid *list, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *e = &list->entries[list->nent++];

	*e = (struct kvm_cpuid_entry2){ .function = leaf };
	return e;
}

static struct kvm_cpuid_entry2 *add_indexed(struct kt_kvm_cpuid *list, uint32_t leaf,
					    uint32_t index)
{
	struct kvm_cpuid_entry2 *e = add(list, leaf);

	e->index = index;
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	return e;
}

static struct kvm_cpuid_entry2 *find_or_add(struct kt_kvm_cpuid *list, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *e = find(list, leaf);

	return e ? e : add(list, leaf);
}

static bool is_replaced(uint32_t leaf)
{
	return leaf == LEAF_CACHES || leaf == LEAF_TOPOLOGY || leaf == LEAF_TOPOLOGY_V2 ||
	       leaf == LEAF_AMD_CACHES || leaf == LEAF_AMD_TOPOLOGY || leaf == LEAF_AMD_TOPO_V2 ||
	       leaf == KVM_CPUID_SIGNATURE;
}

/*
 * What a KVM may offer and this machine does not back: memory encryption (no machine is launched
 * with it), machines in the machine (no nested state is saved), enclaves (no memory for them).
 * Distribution kernels use what they are shown: SEV's leaf makes one read MSRs before it can
 * handle a fault.
 */
static bool is_withheld(uint32_t leaf)
{
	return leaf == LEAF_AMD_SEV || leaf == LEAF_AMD_SVM || leaf == LEAF_SGX;
}

static void withhold_features(struct kvm_cpuid_entry2 *e)
{
	if (e->function == 1)
		e->ecx &= ~FEATURE_VMX;
	if (e->function == LEAF_EXT_FEATURES)
		e->ecx &= ~FEATURE_SVM;
	if (e->function == LEAF_EXTENDED && !e->index) {
		e->ebx &= ~FEATURE_SGX;
		e->ecx &= ~FEATURE_SGX_LC;
	}
}

/* At most this many are added: caches 5, topology 3 + 4, and the single leaves. */
#define ADDED_MAX 24u

static int copy_host(struct kt_kvm_cpuid *list, const struct kvm_cpuid2 *host, struct kt_diag *diag)
{
	list->nent = 0;
	list->padding = 0;
	for (uint32_t i = 0; i < host->nent; i++) {
		if (is_replaced(host->entries[i].function) ||
		    is_withheld(host->entries[i].function))
			continue;
		if (list->nent == KT_KVM_CPUID_MAX - ADDED_MAX)
			return kt_fail(diag, KT_KVM_CPUID_E_HOST,
				       "the host's CPUID has %u entries, more than %u", host->nent,
				       KT_KVM_CPUID_MAX - ADDED_MAX);
		list->entries[list->nent] = host->entries[i];
		withhold_features(&list->entries[list->nent++]);
	}
	return 0;
}

static enum vendor vendor_of(struct kt_kvm_cpuid *list)
{
	const struct kvm_cpuid_entry2 *e = find(list, 0);
	char name[12];

	if (!e)
		return VENDOR_OTHER;
	memcpy(name, &e->ebx, 4);
	memcpy(name + 4, &e->edx, 4);
	memcpy(name + 8, &e->ecx, 4);
	if (!memcmp(name, "GenuineIntel", 12))
		return VENDOR_INTEL;
	if (!memcmp(name, "AuthenticAMD", 12) || !memcmp(name, "HygonGenuine", 12))
		return VENDOR_AMD;
	return VENDOR_OTHER;
}

/* Base family, to which the extended one is added when it is 15. */
static unsigned int family_of(const struct kvm_cpuid_entry2 *leaf1)
{
	unsigned int family = leaf1->eax >> 8 & 0xf;

	return family == 0xf ? family + (leaf1->eax >> 20 & 0xff) : family;
}

/* ---- leaves ---- */

static struct view view_of(const struct kt_topology *topo, unsigned int cpu, enum vendor vendor,
			   bool llc_is_package)
{
	struct kt_topology_place place = kt_topology_place(topo, cpu);
	struct view v = {
		.bits = kt_kvm_apic_layout(topo),
		.topo = topo,
		.vendor = vendor,
		.apic_id = kt_kvm_apic_id(topo, cpu),
		.llc_cpus = kt_topology_llc_cpus(topo, place.llc),
	};

	v.llc_shift = v.bits.thread_bits + v.bits.core_bits;
	v.package_shift = v.llc_shift + (llc_is_package ? 0 : v.bits.llc_bits);
	v.package_cpus = llc_is_package ? v.llc_cpus : kt_topology_node_cpus(topo, place.node);
	v.package_number = llc_is_package ? place.llc : place.node;
	return v;
}

static void set_features(struct kt_kvm_cpuid *list, const struct view *v, bool tsc_deadline)
{
	struct kvm_cpuid_entry2 *e = find(list, 1);
	uint32_t ids = 1u << v->package_shift;

	e->ebx = (e->ebx & 0xffff) | (ids > 255 ? 255 : ids) << 16 | v->apic_id << 24;
	e->ecx |= FEATURE_HYPERVISOR;
	e->ecx = tsc_deadline ? e->ecx | FEATURE_TSC_DL : e->ecx & ~FEATURE_TSC_DL;
	e->edx = ids > 1 ? e->edx | FEATURE_HTT : e->edx & ~FEATURE_HTT;
}

/* The registers that leaf 4 and leaf 0x8000001D have in common. */
static void fill_cache(struct kvm_cpuid_entry2 *e, const struct cache *cache, const struct view *v)
{
	unsigned int shift = cache->level == 3 ? v->llc_shift : v->bits.thread_bits;

	/* Self-initialising; fully shared among ids that are alike above the shift. */
	e->eax = cache->type | cache->level << 5 | 1u << 8 | ((1u << shift) - 1) << 14;
	e->ebx = (CACHE_LINE - 1) | (cache->ways - 1) << 22;
	e->ecx = cache->sets - 1;
}

static void add_caches(struct kt_kvm_cpuid *list, const struct view *v)
{
	uint32_t leaf = v->vendor == VENDOR_AMD ? LEAF_AMD_CACHES : LEAF_CACHES;
	uint32_t cores = (1u << (v->package_shift - v->bits.thread_bits)) - 1;
	struct kvm_cpuid_entry2 *e;

	for (uint32_t i = 0; i < CACHES; i++) {
		e = add_indexed(list, leaf, i);
		fill_cache(e, &caches[i], v);
		if (v->vendor == VENDOR_INTEL)
			e->eax |= (cores > 63 ? 63 : cores) << 26;
	}
	add_indexed(list, leaf, CACHES); /* type 0: no more */
}

static void add_level(struct kt_kvm_cpuid *list, const struct view *v, uint32_t leaf,
		      uint32_t index, unsigned int level, unsigned int shift, unsigned int cpus)
{
	struct kvm_cpuid_entry2 *e = add_indexed(list, leaf, index);

	e->eax = shift;
	e->ebx = cpus;
	e->ecx = index | level << 8;
	e->edx = v->apic_id;
}

/* Two levels, to which LLCs are no border. */
static void add_topology(struct kt_kvm_cpuid *list, const struct view *v)
{
	add_level(list, v, LEAF_TOPOLOGY, 0, LEVEL_SMT, v->bits.thread_bits,
		  v->topo->threads_per_core);
	add_level(list, v, LEAF_TOPOLOGY, 1, LEVEL_CORE, v->package_shift, v->package_cpus);
	add_level(list, v, LEAF_TOPOLOGY, 2, 0, 0, 0);
}

static void add_topology_v2(struct kt_kvm_cpuid *list, const struct view *v)
{
	add_level(list, v, LEAF_TOPOLOGY_V2, 0, LEVEL_SMT, v->bits.thread_bits,
		  v->topo->threads_per_core);
	add_level(list, v, LEAF_TOPOLOGY_V2, 1, LEVEL_CORE, v->llc_shift, v->llc_cpus);
	add_level(list, v, LEAF_TOPOLOGY_V2, 2, LEVEL_DIE, v->package_shift, v->package_cpus);
	add_level(list, v, LEAF_TOPOLOGY_V2, 3, 0, 0, 0);
}

static void raise_max(struct kt_kvm_cpuid *list, uint32_t base, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *e = find_or_add(list, base);

	if (e->eax < leaf)
		e->eax = leaf;
}

static void set_intel(struct kt_kvm_cpuid *list, const struct view *v)
{
	add_caches(list, v);
	add_topology(list, v);
	add_topology_v2(list, v);
	raise_max(list, 0, LEAF_TOPOLOGY_V2);
}

/* Cache sizes of the older kind; Linux takes a CPU without L3 here for one without. */
static void set_amd_sizes(struct kt_kvm_cpuid *list)
{
	const struct cache *l2 = &caches[2], *l3 = &caches[3];
	struct kvm_cpuid_entry2 *e = find_or_add(list, LEAF_AMD_L2_L3);
	uint32_t ways16 = 8u << 12, one_line_per_tag = 1u << 8;

	e->ecx = (l2->ways * l2->sets * CACHE_LINE >> 10) << 16 | ways16 | one_line_per_tag |
		 CACHE_LINE;
	e->edx = (l3->ways * l3->sets * CACHE_LINE >> 19) << 18 | ways16 | one_line_per_tag |
		 CACHE_LINE;
}

static void set_amd(struct kt_kvm_cpuid *list, const struct view *v)
{
	struct kvm_cpuid_entry2 *e = find_or_add(list, LEAF_EXT_FEATURES);

	e->ecx |= FEATURE_TOPOEXT;
	e->ecx = v->package_shift ? e->ecx | FEATURE_CMP_LEGACY : e->ecx & ~FEATURE_CMP_LEGACY;
	e = find_or_add(list, LEAF_AMD_CORES);
	e->ecx = (e->ecx & ~0xf0ffu) | ((v->package_cpus - 1) & 0xff) | v->package_shift << 12;
	set_amd_sizes(list);
	add_caches(list, v);
	add_topology(list, v);
	e = add(list, LEAF_AMD_TOPOLOGY);
	e->eax = v->apic_id;
	e->ebx = ((v->apic_id & ((1u << v->package_shift) - 1)) >> v->bits.thread_bits) |
		 (v->topo->threads_per_core - 1u) << 8;
	e->ecx = v->package_number;
	raise_max(list, 0, LEAF_TOPOLOGY);
	raise_max(list, LEAF_EXT_MAX, LEAF_AMD_TOPOLOGY);
}

/* The features of leaf 0x40000001 are KVM's own and stay as they came. */
static void set_hypervisor(struct kt_kvm_cpuid *list)
{
	struct kvm_cpuid_entry2 *e = add(list, KVM_CPUID_SIGNATURE);

	e->eax = KVM_CPUID_FEATURES;
	memcpy(&e->ebx, "KVMK", 4);
	memcpy(&e->ecx, "VMKV", 4);
	memcpy(&e->edx, "M\0\0\0", 4);
	find_or_add(list, KVM_CPUID_FEATURES);
}

static int refuse_topology(const struct kt_topology *topo, struct kt_diag *diag)
{
	char text[KT_TOPOLOGY_TEXT_MAX];

	kt_diag_cause(
		diag,
		"topology %s has one CPU in LLC 0 and more in others, which Linux cannot take "
		"in on an AMD CPU before family 17h",
		kt_topology_format(topo, text));
	kt_diag_remedy(diag, "give the first LLC more than one CPU, or use --accel tcg");
	return KT_KVM_CPUID_E_TOPOLOGY;
}

int kt_kvm_cpuid_make(struct kt_kvm_cpuid *ret_cpuid, const struct kt_kvm_cpuid_spec *spec,
		      unsigned int cpu, struct kt_diag *diag)
{
	struct kt_kvm_cpuid *list = ret_cpuid;
	bool llc_is_package;
	enum vendor vendor;
	struct view v;

	KT_TRY(copy_host(list, spec->supported, diag));
	vendor = vendor_of(list);
	if (vendor == VENDOR_OTHER || !find(list, 1))
		return kt_fail(diag, KT_KVM_CPUID_E_HOST,
			       "the host's CPUID is that of neither an Intel nor an AMD CPU");
	llc_is_package = vendor == VENDOR_AMD && family_of(find(list, 1)) < AMD_FAMILY_ZEN;
	if (llc_is_package && kt_topology_first_llc_misleads(spec->topo))
		return refuse_topology(spec->topo, diag);
	v = view_of(spec->topo, cpu, vendor, llc_is_package);
	set_features(list, &v, spec->tsc_deadline);
	if (vendor == VENDOR_AMD)
		set_amd(list, &v);
	else
		set_intel(list, &v);
	set_hypervisor(list);
	return 0;
}
