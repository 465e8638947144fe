/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables: found from the RSDP as an operating system does, and read by
 * iasl, whose disassembly must name no error and hold what was declared.
 * Without iasl that part is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/unit/test.h"
#include "vmm/kvm/boot/acpi.h"
#include "vmm/kvm/x86/cpuid.h"
#include "vmm/kvm/layout.h"
#include "vmm/ram.h"

#define GIB(n) ((uint64_t)(n) << 30)

static struct fixture {
	struct kt_topology topo;
	struct kt_ram ram;
	struct kt_kvm_acpi_spec spec;
	struct kt_kvm_acpi acpi;
} f;

static void teardown(void)
{
	kt_kvm_acpi_deinit(&f.acpi);
}

AROUND_EACH(NULL, teardown);

static void make(const char *topo)
{
	kt_kvm_acpi_deinit(&f.acpi);
	f = (struct fixture){ .topo = { 0 } };
	assert_int_equal(kt_topology_parse(&f.topo, topo, NULL), 0);
	kt_ram_layout(&f.ram, kt_topology_nodes_all(&f.topo), GIB(2), KT_KVM_LOW_RAM_BYTES,
		      KT_KVM_HIGH_RAM_START);
	f.spec = (struct kt_kvm_acpi_spec){ .topo = &f.topo,
					    .banks = f.ram.banks,
					    .bank_count = f.ram.bank_count,
					    .virtio_devices = 2 };
	assert_int_equal(kt_kvm_acpi_make(&f.acpi, &f.spec), 0);
}

/* ---- by hand ---- */

static uint64_t le(const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* The table at a guest-physical address: whole, and with a checksum that is right. */
static const uint8_t *table_at(uint64_t addr, const char *signature)
{
	const uint8_t *t = f.acpi.image.data + (addr - KT_KVM_ACPI_ADDR);

	assert_true(addr >= KT_KVM_ACPI_ADDR && addr - KT_KVM_ACPI_ADDR + 36 < f.acpi.image.len);
	assert_int_equal(addr % 16, 0);
	assert_memory_equal(t, signature, 4);
	assert_true(addr - KT_KVM_ACPI_ADDR + le(t + 4, 4) <= f.acpi.image.len);
	assert_int_equal(sum(t, le(t + 4, 4)), 0);
	return t;
}

static const uint8_t *find_xsdt(void)
{
	const uint8_t *rsdp = f.acpi.image.data;

	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(le(rsdp + 20, 4), 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	return table_at(le(rsdp + 24, 8), "XSDT");
}

static const uint8_t *find_table(unsigned int i, const char *signature)
{
	const uint8_t *xsdt = find_xsdt();

	assert_int_equal(le(xsdt + 4, 4), 36 + 5 * 8);
	return table_at(le(xsdt + 36 + 8 * (size_t)i, 8), signature);
}

TEST(test_tables_are_linked)
{
	const uint8_t *fadt;

	make("2n4l4c2t");
	fadt = find_table(0, "FACP");
	table_at(le(fadt + 140, 8), "DSDT");
	assert_true(le(fadt + 112, 4) & 1u << 20);
	find_table(1, "APIC");
	find_table(2, "SRAT");
	find_table(3, "SLIT");
	find_table(4, "HMAT");
}

/* Each CPU once in MADT and in SRAT, in the order of CPU numbers. */
static void expect_cpus(void)
{
	const uint8_t *madt = find_table(1, "APIC") + 44, *srat = find_table(2, "SRAT") + 48;

	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&f.topo); cpu++) {
		uint32_t id = kt_kvm_apic_id(&f.topo, cpu);
		bool wide = id > 254;

		assert_int_equal(madt[0], wide ? 9 : 0);
		assert_int_equal(wide ? le(madt + 4, 4) : madt[3], id);
		assert_int_equal(wide ? le(madt + 12, 4) : madt[2], cpu);
		assert_int_equal(le(madt + (wide ? 8 : 4), 4), 1);
		assert_int_equal(srat[0], wide ? 2 : 0);
		assert_int_equal(wide ? le(srat + 8, 4) : srat[3], id);
		assert_int_equal(wide ? le(srat + 4, 4) : srat[2],
				 kt_topology_place(&f.topo, cpu).node);
		madt += madt[1];
		srat += srat[1];
	}
	assert_int_equal(madt[0], 1);
	assert_int_equal(le(madt + 4, 4), 0xfec00000);
	for (size_t i = 0; i < f.ram.bank_count; i++, srat += srat[1]) {
		assert_int_equal(srat[0], 1);
		assert_int_equal(le(srat + 2, 4), f.ram.banks[i].node);
		assert_int_equal(le(srat + 8, 8), f.ram.banks[i].start.v);
		assert_int_equal(le(srat + 16, 8), f.ram.banks[i].len);
		assert_int_equal(le(srat + 28, 4), 1);
	}
}

TEST(test_cpus_and_memory)
{
	static const char *const topologies[] = {
		"1n1l1c1t",	"2n4l4c2t",	 "2n6l3c2t",
		"1n1l127c2t",	"3n9l5c3t",	 "2n4l1,3,2,1c2t",
		"1n2l5,2c1t3m", "1n1l2c1t1m:17", "2n2l2,3c1t1m:21,31,41"
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(topologies); i++) {
		make(topologies[i]);
		expect_cpus();
	}
}

/* Two nodes with CPUs and one of memory only. */
static const uint8_t three_nodes[] = { 10, 21, 31, 21, 10, 41, 31, 41, 10 };

TEST(test_distances)
{
	const uint8_t *slit, *hmat;

	make("2n2l1c1t1m:21,31,41");
	slit = find_table(3, "SLIT");
	assert_int_equal(le(slit + 36, 8), 3);
	assert_memory_equal(slit + 44, three_nodes, 9);
	hmat = find_table(4, "HMAT") + 40;
	for (unsigned int node = 0; node < 3; node++, hmat += 40) {
		assert_int_equal(le(hmat + 8, 2), node < 2);
		assert_int_equal(le(hmat + 16, 4), node);
	}
	/* 2 initiators, 3 targets: latencies of row 1, then bandwidths. */
	assert_int_equal(le(hmat + 12, 4), 2);
	assert_int_equal(le(hmat + 16, 4), 3);
	assert_int_equal(le(hmat + 32 + 20 + 6, 2), 210);
	assert_int_equal(le(hmat + 32 + 20 + 10, 2), 410);
	hmat += le(hmat + 4, 4);
	assert_int_equal(le(hmat + 32 + 20, 2), 12800);
	assert_int_equal(le(hmat + 32 + 20 + 4, 2), 128000 / 31);
}

TEST(test_largest_machine_fits)
{
	make("64n64l2c2t");
	assert_true(f.acpi.image.len < KT_KVM_ACPI_BYTES);
	make("1n1l254c1t63m");
	assert_true(f.acpi.image.len < KT_KVM_ACPI_BYTES);
}

/* ---- by iasl ---- */

static void write_table(enum kt_kvm_acpi_table table, const char *path)
{
	const uint8_t *t = f.acpi.image.data + f.acpi.offsets[table];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(t, 1, le(t + 4, 4), file), le(t + 4, 4));
	fclose(file);
}

/* Runs a command line in the folder and appends all that it says and writes to out. */
static void disassemble(const char *folder, struct kt_buf *out)
{
	char command[256], path[128];

	snprintf(command, sizeof(command), "cd %s && iasl -d table.aml >said 2>&1", folder);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/said", folder);
	assert_int_equal(kt_read_file(path, out), 0);
	snprintf(path, sizeof(path), "%s/table.dsl", folder);
	assert_int_equal(kt_read_file(path, out), 0);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void expect_said(enum kt_kvm_acpi_table table, const char *const *lines)
{
	static const char *const complaints[] = { "Error",   "rror:",	"Warning", "Incorrect",
						  "Invalid", "Unknown", "****",	   "Could not" };
	_cleanup_(kt_buf_deinit) struct kt_buf out = KT_BUF_INIT(4u << 20);
	char folder[] = "/tmp/ktest-acpi-XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/table.aml", folder);
	write_table(table, path);
	disassemble(folder, &out);
	for (size_t i = 0; i < KT_ARRAY_SIZE(complaints); i++)
		if (strstr(kt_buf_str(&out), complaints[i]))
			fail_msg("'%s' in:\n%s", complaints[i], kt_buf_str(&out));
	for (; *lines; lines++)
		assert_contains(kt_buf_str(&out), *lines);
	if (table == KT_KVM_ACPI_MADT)
		assert_int_equal(count(kt_buf_str(&out), "[Processor Local APIC]"), 16);
	if (table == KT_KVM_ACPI_SRAT)
		assert_int_equal(count(kt_buf_str(&out), "[Memory Affinity]"), 4);
	assert_int_equal(kt_remove_tree(folder), 0);
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST(test_iasl_reads_the_tables)
{
	if (system("iasl -v >/dev/null 2>&1"))
		skip();
	make("2n4l3,2,1,2c2t1m:21,31,41");
	expect_said(KT_KVM_ACPI_DSDT, LINES("Name (_S5", "\"LNRO0005\"", "Device (VIO1)",
					    "EisaId (\"PNP0501\")", "0xD0001000", "0x00000011,",
					    "Interrupt (ResourceConsumer, Edge, ActiveHigh"));
	expect_said(KT_KVM_ACPI_FADT,
		    LINES("Hardware Reduced (V5) : 1", "Reset Register Supported (V2) : 1",
			  "CMOS RTC Not Present (V5) : 1", "8042 Present on ports 60/64 (V2) : 0"));
	expect_said(
		KT_KVM_ACPI_MADT,
		LINES("Local Apic Address : FEE00000", "PC-AT Compatibility : 0", "[I/O APIC]",
		      /* LLC 1 of node 0, which has two cores of three; LLCs 2 and 3 of node 1 */
		      "Local Apic ID : 05", "Local Apic ID : 08", "Local Apic ID : 0B",
		      "Local Apic ID : 10", "Local Apic ID : 11", "Local Apic ID : 18",
		      "Local Apic ID : 1B"));
	expect_said(KT_KVM_ACPI_SRAT,
		    LINES("[Processor Local APIC/SAPIC Affinity]", "Proximity Domain : 00000002",
			  "Base Address : 0000000140000000", "Address Length : 0000000080000000"));
	expect_said(KT_KVM_ACPI_SLIT,
		    LINES("Localities : 0000000000000003", "Locality   0 : 0A 15 1F",
			  "Locality   1 : 15 0A 29", "Locality   2 : 1F 29 0A"));
	expect_said(KT_KVM_ACPI_HMAT, LINES("[Memory Proximity Domain Attributes]",
					    "Attached Initiator Proximity Domain : 00000001",
					    "Memory Proximity Domain : 00000002",
					    "Processor Proximity Domain Valid : 0"));
	expect_said(KT_KVM_ACPI_XSDT, LINES("[Extended System Description Table]"));
}
