/* SPDX-License-Identifier: GPL-2.0-only */
/* From what is wanted of a machine to what was validated. */
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmm/vm.h"

#define MIB(n) (UINT64_C(n) << 20)

static struct kt_vm_spec good_spec(void)
{
	return (struct kt_vm_spec){
		.accel = KT_ACCEL_TCG,
		.topo = { 1, 1, 2, 1 },
		.memory_bytes = MIB(512),
		.kernel_path = "/boot/vmlinux",
		.initrd_fd = 7,
		.cmdline = "a=b",
		.counted = true,
		.seed = 42,
	};
}

static struct kt_vm_spec spec; /* good at first */
static struct kt_vm_config config;

static void setup(void)
{
	spec = good_spec();
}

AROUND_EACH(setup, NULL);

static void expect_good(void)
{
	assert_int_equal(kt_vm_config_init(&config, &spec, NULL), 0);
}

static void expect_refused(const char *cause)
{
	struct kt_diag diag = KT_DIAG_INIT;

	config.seed = 99;
	assert_int_equal(kt_vm_config_init(&config, &spec, &diag), KT_VM_E_SPEC);
	assert_contains(diag.cause, cause);
	assert_string_equal(diag.doing, "configure the machine");
	assert_int_equal(config.seed, 99); /* untouched */
}

TEST(test_good_spec)
{
	expect_good();
	assert_int_equal(config.accel, KT_ACCEL_TCG);
	assert_int_equal(config.memory_bytes, MIB(512));
	assert_string_equal(config.kernel_path, "/boot/vmlinux");
	assert_string_equal(config.cmdline, "a=b");
	assert_int_equal(config.initrd_fd, 7);
	assert_true(config.counted);
	assert_false(config.nested);
	assert_int_equal(config.seed, 42);
}

TEST(test_accelerator_names)
{
	enum kt_accel accel;

	for (unsigned int i = 0; i < KT_ACCEL_COUNT_; i++) {
		assert_int_equal(kt_accel_parse(&accel, kt_accel_name((enum kt_accel)i)), 0);
		assert_int_equal(accel, i);
	}
	assert_int_equal(kt_accel_parse(&accel, "xen"), KT_ACCEL_E_NONE);
	assert_int_equal(kt_accel_parse(&accel, ""), KT_ACCEL_E_NONE);
}

TEST(test_time_names)
{
	enum kt_time time;

	for (unsigned int i = 0; i < KT_TIME_COUNT_; i++) {
		assert_int_equal(kt_time_parse(&time, kt_time_name((enum kt_time)i)), 0);
		assert_int_equal(time, i);
	}
	assert_int_equal(kt_time_parse(&time, "virtual"), KT_TIME_E_NONE);
	assert_string_equal(kt_time_name(KT_TIME_COUNT_), "?");
}

TEST(test_accelerator_out_of_range)
{
	spec.accel = KT_ACCEL_COUNT_;
	expect_refused("is no accelerator");
}

TEST(test_what_an_accelerator_cannot_do)
{
	spec.perf = true;
	expect_refused("tcg emulates each instruction");
	spec = good_spec();
	spec.accel = KT_ACCEL_AUTO;
	expect_refused("'auto' is no accelerator");
	spec = good_spec();
	spec.accel = KT_ACCEL_KVM;
	expect_refused("under kvm guest time is the host's");
	spec.counted = false;
	spec.nested = true;
	expect_refused("kvm makes no nested machines");
}

/* Of 256 vCPUs some have no CPU here; of one, huge pages may be what is missing. */
TEST(test_perf_needs_a_host_for_it)
{
	spec.accel = KT_ACCEL_KVM;
	spec.counted = false;
	spec.perf = true;
	spec.topo = (struct kt_topology){ 1, 1, 254, 1 };
	if (sysconf(_SC_NPROCESSORS_ONLN) < 255)
		expect_refused("gives each of 254 vCPUs a CPU of its own");
	spec.topo = (struct kt_topology){ 1, 1, 1, 1 };
	spec.memory_bytes = KT_VM_MEMORY_MAX;
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		expect_refused("needs 524288 huge pages");
}

TEST(test_end_reason_names)
{
	for (unsigned int i = 0; i < KT_VM_END_COUNT_; i++)
		assert_true(strlen(kt_vm_end_reason_name((enum kt_vm_end_reason)i)) > 1);
	assert_string_equal(kt_vm_end_reason_name(KT_VM_END_COUNT_), "?");
}

/* What does not divide evenly is rounded up, never down. */
TEST(test_memory_is_shared_out_evenly)
{
	spec.topo = (struct kt_topology){ 3, 3, 1, 1 };
	expect_good();
	assert_int_equal(config.memory_bytes, 3 * MIB(172));
	spec.topo = (struct kt_topology){ 1, 1, 1, 1, .memory_nodes = 2 };
	expect_good();
	assert_int_equal(config.memory_bytes, 3 * MIB(172));
	spec.topo = (struct kt_topology){ 1, 1, 1, 1 };
	spec.memory_bytes = MIB(64) + 1;
	expect_good();
	assert_int_equal(config.memory_bytes, MIB(66));
}

TEST(test_memory_out_of_bounds)
{
	spec.memory_bytes = MIB(64) - 1;
	expect_refused("memory of 67108863 bytes");
	spec.memory_bytes = KT_VM_MEMORY_MAX + 1;
	expect_refused("out of bounds");
	spec.memory_bytes = UINT64_MAX;
	expect_refused("out of bounds");
	spec.topo = (struct kt_topology){ 8, 8, 1, 1 };
	spec.memory_bytes = MIB(127);
	expect_refused("out of bounds");
	spec.topo = (struct kt_topology){ 2, 2, 1, 1, .memory_nodes = 6 };
	expect_refused("133169152 bytes for 8 nodes");
}

TEST(test_topology_out_of_bounds)
{
	static const struct kt_topology bad[] = {
		{ 0, 1, 1, 1 },
		{ 2, 3, 1, 1 },
		{ 65, 65, 1, 1 },
		{ 1, 1, 65535, 65535 },
		{ 1, 2, 0, 1, .cores = { 2 } },
		{ 1, 1, 1, 1, .memory_nodes = 64 },
		{ 1, 1, 1, 1, .memory_nodes = 1, .distances = { 255 } },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.topo = bad[i];
		expect_refused("topology");
	}
}

/* Gaps in the APIC ids count: 8 x 9 x 3 is 216 CPUs, but 8 x 16 x 4 ids. */
TEST(test_apic_ids_run_out)
{
	spec.topo = (struct kt_topology){ 1, 8, 9, 3 };
	expect_refused("APIC ids up to 482");
	/* 93 CPUs, but as if each of 4 LLCs had 90. */
	spec.topo = (struct kt_topology){ 1, 4, 0, 1, .cores = { 1, 90, 1, 1 } };
	expect_refused("1n4l1,90,1,1c1t needs APIC ids up to 473");
	/* An LLC is a package of a nested machine, and the first one is the pattern. */
	spec.topo = (struct kt_topology){ 1, 2, 0, 1, .cores = { 1, 2 } };
	expect_good();
	spec.nested = true;
	expect_refused("1n2l1,2c1t has one CPU in LLC 0");
	spec.nested = false;
	spec.topo = (struct kt_topology){ 1, 1, 256, 1 };
	expect_refused("APIC ids up to 255");
	spec.topo = (struct kt_topology){ 1, 1, 255, 1 };
	expect_good();
	spec.accel = KT_ACCEL_KVM;
	spec.counted = false;
	expect_refused("1n1l255c1t has 255 CPUs; under kvm the most is 254");
	spec.topo = (struct kt_topology){ 1, 3, 43, 2 };
	expect_refused("258 CPUs are too many (the most is 256) in topology 1n3l43c2t");
	spec.topo = (struct kt_topology){ 3, 9, 5, 3 };
	expect_refused("3n9l5c3t needs APIC ids up to 338; under kvm they end at 254");
	spec.topo = (struct kt_topology){ 1, 1, 254, 1 };
	expect_good();
}

TEST(test_kernel_is_needed)
{
	char path[5000];

	spec.kernel_path = NULL;
	expect_refused("no kernel");
	spec.kernel_path = "";
	expect_refused("no kernel");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	spec.kernel_path = path;
	expect_refused("kernel's path is 4999 bytes long; the most is 4095");
}

TEST(test_command_line)
{
	char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	spec.cmdline = text;
	expect_refused("command line is 4095 bytes long");
	/* Fits alone, but not behind what the machine itself needs. */
	text[KT_VM_CMDLINE_MAX] = '\0';
	expect_refused("does not fit into 2047 bytes");
	text[KT_VM_CMDLINE_MAX - 200] = '\0';
	expect_good();
	spec.cmdline = "a\nb";
	expect_refused("line break");
	spec.cmdline = NULL;
	expect_good();
	assert_string_equal(config.cmdline, "");
}
