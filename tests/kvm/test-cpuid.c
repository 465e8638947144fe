/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID really says to a guest: on every vCPU of a machine of each topology
 * it is executed for all leaves of topology and caches, and what Linux would
 * conclude is compared with the declaration. Once as this host has it, and once
 * with the vendor that this host is not, if KVM lets it pass for that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "tests/unit/cpuid-view.h"
#include "vmm/kvm/x86/cpuid.h"

static const char *const topologies[] = {
	"1n1l1c1t",	"1n1l2c1t",
	"1n1l1c2t",	"2n4l4c2t",
	"1n3l3c1t",	"2n6l3c2t",
	"3n3l5c1t",	"1n1l6c3t",
	"1n2l4,2c1t",	"2n4l1,3,2,5c2t",
	"1n3l1,2,3c3t", "1n1l2c1t1m",
	"2n2l3,1c1t2m", "2n2l2c1t1m:20,30,17",
	"4n8l2c2t",	"1n1l254c1t",
};

/* Leaf, how many indices. */
static const uint32_t leaves[][2] = {
	{ 0, 1 },	   { 1, 1 },	      { 4, 5 },		 { 0xb, 4 },
	{ 0x1f, 5 },	   { 0x40000000, 1 }, { 0x40000001, 1 }, { 0x80000000, 1 },
	{ 0x80000001, 1 }, { 0x80000006, 1 }, { 0x80000008, 1 }, { 0x8000001d, 5 },
	{ 0x8000001e, 1 }, { 0x80000026, 1 },
};

#define QUESTIONS_MAX 64

struct question {
	uint32_t leaf, index;
};

static unsigned int list_questions(struct question *list)
{
	unsigned int n = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(leaves); i++)
		for (uint32_t k = 0; k < leaves[i][1]; k++)
			list[n++] = (struct question){ leaves[i][0], k };
	list[n] = (struct question){ 0, MICRO_NO_QUESTION };
	assert_true(n < QUESTIONS_MAX);
	return n;
}

/* ---- the machine ---- */

struct bench {
	struct rig rig;
	struct kvm_cpuid2 *supported; /* owned */
	struct kt_topology topo;
	struct question questions[QUESTIONS_MAX];
	unsigned int count;
};

static struct kvm_cpuid_entry2 *supported_leaf(struct bench *b, uint32_t leaf)
{
	for (uint32_t i = 0; i < b->supported->nent; i++)
		if (b->supported->entries[i].function == leaf)
			return &b->supported->entries[i];
	fail_msg("this host has no leaf %#x", leaf);
	return NULL;
}

static void read_supported(struct bench *b)
{
	b->supported = calloc(1, sizeof(*b->supported) +
					 KT_KVM_CPUID_MAX * sizeof(b->supported->entries[0]));
	assert_non_null(b->supported);
	b->supported->nent = KT_KVM_CPUID_MAX;
	rig_expect_ok(&b->rig, kt_ioctl(b->rig.host.fd, KVM_GET_SUPPORTED_CPUID, b->supported,
					&b->rig.diag));
}

static bool is_intel(struct bench *b)
{
	return supported_leaf(b, 0)->ebx == 0x756e6547; /* "Genu" */
}

/* Makes the host one of the other vendor, of a family that is known there. */
static void change_vendor(struct bench *b)
{
	const char *vendor = is_intel(b) ? "AuthenticAMD" : "GenuineIntel";
	struct kvm_cpuid_entry2 *e = supported_leaf(b, 0);

	memcpy(&e->ebx, vendor, 4);
	memcpy(&e->edx, vendor + 4, 4);
	memcpy(&e->ecx, vendor + 8, 4);
	supported_leaf(b, 1)->eax = is_intel(b) ? 0x000906ea : 0x00a20f10;
}

static void bench_init(struct bench *b, const char *text)
{
	const uint8_t *entries[KT_CPUS_MAX];
	uint32_t apic_ids[KT_CPUS_MAX];

	*b = (struct bench){ 0 };
	assert_int_equal(kt_topology_parse(&b->topo, text, NULL), 0);
	for (unsigned int i = 0; i < kt_topology_cpus(&b->topo); i++) {
		entries[i] = micro_cpuid;
		apic_ids[i] = kt_kvm_apic_id(&b->topo, i);
	}
	rig_init_as(&b->rig, entries, kt_topology_cpus(&b->topo), apic_ids);
	b->count = list_questions(b->questions);
	memcpy((uint8_t *)b->rig.banks[0].data + MICRO_QUESTIONS, b->questions,
	       sizeof(b->questions));
	read_supported(b);
}

static void bench_deinit(struct bench *b)
{
	rig_deinit(&b->rig);
	free(b->supported);
}

static int set_cpuid(struct bench *b)
{
	struct kt_kvm_cpuid_spec spec = { .supported = b->supported, .topo = &b->topo };
	struct kt_kvm_cpuid cpuid;
	struct kvm_cpuid2 *list = (void *)&cpuid; /* laid out alike */
	int r = 0;

	for (unsigned int i = 0; i < kt_topology_cpus(&b->topo) && !r; i++) {
		rig_expect_ok(&b->rig, kt_kvm_cpuid_make(&cpuid, &spec, i, &b->rig.diag));
		r = kt_ioctl(kt_kvm_vcpu(b->rig.kvm, i)->fd, KVM_SET_CPUID2, list, &b->rig.diag);
	}
	return r;
}

/* ---- what it said ---- */

struct answers {
	const struct bench *bench;
	const struct cpuid_regs *regs;
};

static struct cpuid_regs answer(void *arg, uint32_t leaf, uint32_t index)
{
	const struct answers *a = arg;

	for (unsigned int i = 0; i < a->bench->count; i++)
		if (a->bench->questions[i].leaf == leaf && a->bench->questions[i].index == index)
			return a->regs[i];
	fail_msg("leaf %#x, %u was not asked for", leaf, index);
	return (struct cpuid_regs){ 0 };
}

static struct guest_cpu read_cpu(struct bench *b, unsigned int vcpu)
{
	const uint64_t *words = rig_words(&b->rig, vcpu);
	struct answers answers = { b, (const struct cpuid_regs *)(words + 2) };
	struct cpuid_source source = { answer, &answers };
	struct guest_cpu cpu;

	rig_wait_word(words, b->count);
	cpu = cpuid_view(&source);
	/* The local APIC goes by the same id, without which no interrupt would arrive. */
	assert_int_equal(words[1], cpu.apic_id);
	assert_int_equal(answer(&answers, 0x40000001, 0).eax, supported_leaf(b, 0x40000001)->eax);
	assert_int_equal(answer(&answers, 0x80000008, 0).eax & 0xffff,
			 supported_leaf(b, 0x80000008)->eax & 0xffff);
	return cpu;
}

static void compare(struct bench *b)
{
	struct cpuid_machine m = { .topo = b->topo };

	rig_start(&b->rig);
	for (unsigned int i = 0; i < kt_topology_cpus(&b->topo); i++)
		m.cpus[i] = read_cpu(b, i);
	cpuid_compare(&m, is_intel(b));
}

TEST(test_vendor_of_the_host)
{
	struct bench b;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		bench_init(&b, topologies[i]);
		rig_expect_ok(&b.rig, set_cpuid(&b));
		compare(&b);
		bench_deinit(&b);
	}
}

TEST(test_the_other_vendor)
{
	char text[KT_DIAG_TEXT_MAX];
	struct bench b;

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		bench_init(&b, topologies[i]);
		change_vendor(&b);
		if (set_cpuid(&b)) {
			print_message("skipped: this KVM keeps to its own vendor: %s\n",
				      kt_diag_format(&b.rig.diag, text, sizeof(text)));
			bench_deinit(&b);
			skip();
		}
		compare(&b);
		bench_deinit(&b);
	}
}
