/* SPDX-License-Identifier: GPL-2.0-only */
/* From a config to QEMU's command line. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "vmm/qemu/args.h"

static const int ram_fds[KT_NODES_MAX] = { 20, 21, 22, 23 };
static const struct kt_qemu_given given = { .tsc_khz = 2300000,
					    .qmp = 10,
					    .control = 11,
					    .console = 12,
					    .terminal = 14,
					    .initrd = 13,
					    .ram = ram_fds };

static struct kt_vm_config good_config(void)
{
	return (struct kt_vm_config){ .accel = KT_ACCEL_TCG,
				      .topo = { 1, 1, 2, 1 },
				      .memory_bytes = UINT64_C(512) << 20,
				      .kernel_path = "/boot/a kernel,with=odd name",
				      .cmdline = "ktest.x=1",
				      .seed = 42 };
}

/* The arguments with a space between them, in buf. */
static const char *joined(struct kt_buf *buf, const struct kt_vm_config *config,
			  const struct kt_qemu_given *with)
{
	struct kt_qemu_args args;

	assert_int_equal(kt_qemu_args_build(&args, config, with), 0);
	assert_null(args.argv[args.argc]);
	assert_string_equal(args.argv[0], "qemu-system-x86_64");
	for (size_t i = 0; i < args.argc; i++)
		assert_int_equal(kt_buf_printf(buf, "%s ", args.argv[i]), 0);
	kt_qemu_args_deinit(&args);
	return kt_buf_str(buf);
}

static void expect(const struct kt_vm_config *config, const char *const *has,
		   const char *const *lacks)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	const char *text = joined(&buf, config, &given);

	for (; has && *has; has++)
		if (!strstr(text, *has))
			fail_msg("no '%s' in: %s", *has, text);
	for (; lacks && *lacks; lacks++)
		if (strstr(text, *lacks))
			fail_msg("'%s' in: %s", *lacks, text);
}

static void test_plain_machine(void **state)
{
	static const char *const has[] = {
		" -nodefaults -no-user-config -display none -vga none -no-reboot -no-shutdown -S ",
		" -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
		"resourcecontrol=deny ",
		" -M q35,max-ram-below-4g=2048M,",
		",memory-backend=ram0 ",
		" -cpu max,vendor=GenuineIntel,l3-cache=on ",
		" -smp 2,sockets=1,dies=1,cores=2,threads=1 ",
		" -m 512M -object memory-backend-file,id=ram0,size=512M,mem-path=/dev/fd/20,"
		"share=on ",
		" -accel tcg,thread=multi -seed 42 ",
		" -chardev socket,id=qmp,fd=10 ",
		" -chardev socket,id=control,fd=11 ",
		" -chardev socket,id=console,fd=12 ",
		" -mon chardev=qmp,mode=control -serial chardev:console ",
		" -chardev socket,id=terminal,fd=14 ",
		" virtconsole,chardev=terminal,nr=0 ",
		" virtserialport,chardev=control,nr=1,name=org.ktest.control ",
		" -kernel /boot/a kernel,with=odd name ",
		" -append console=ttyS0 quiet panic=-1 reboot=t ",
		" tsc=reliable tsc_early_khz=2300000 ktest.x=1 -initrd /dev/fd/13 ",
		NULL
	};
	static const char *const lacks[] = { "-numa", "-icount",	  "-rtc", "rdrand",
					     "ram1",  "random.trust_cpu", NULL };
	struct kt_vm_config config = good_config();

	expect(&config, has, lacks);
}

static void test_no_initramfs(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_vm_config config = good_config();
	struct kt_qemu_given without = given;

	without.initrd = -1;
	assert_null(strstr(joined(&buf, &config, &without), "-initrd"));
}

static void test_nodes_and_llcs(void **state)
{
	static const char *const has[] = {
		" -smp 24,sockets=2,dies=2,cores=3,threads=2 ",
		",id=ram0,size=256M,mem-path=/dev/fd/20,",
		",id=ram1,size=256M,mem-path=/dev/fd/21,",
		" -numa node,nodeid=0,memdev=ram0 -numa node,nodeid=1,memdev=ram1 ",
		" -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1 ",
		NULL
	};
	static const char *const lacks[] = { "memory-backend=", NULL };
	struct kt_vm_config config = good_config();

	config.topo = (struct kt_topology){ 2, 4, 3, 2 };
	expect(&config, has, lacks);
}

/* Places of LLC 0 (two of four) and of node 1's LLCs stay empty. */
static void test_uneven_llcs(void **state)
{
	static const char *const has[] = {
		" -smp 4,sockets=2,dies=2,cores=4,threads=2,maxcpus=32 "
		"-device max-x86_64-cpu,socket-id=0,die-id=1,core-id=0,thread-id=0 "
		"-device max-x86_64-cpu,socket-id=0,die-id=1,core-id=0,thread-id=1 ",
		"socket-id=1,die-id=0,core-id=0,thread-id=1 "
		"-device max-x86_64-cpu,socket-id=1,die-id=1,core-id=0,thread-id=0 "
		"-device max-x86_64-cpu,socket-id=1,die-id=1,core-id=0,thread-id=1 -m ",
		" tsc_early_khz=2300000 possible_cpus=16 ", NULL
	};
	static const char *const lacks[] = { "core-id=4", "socket-id=0,die-id=0,core", NULL };
	static const char *const nested[] = {
		" -smp 4,sockets=4,dies=1,cores=4,threads=2,maxcpus=32 "
		"-device max-x86_64-cpu,socket-id=1,die-id=0,core-id=0,thread-id=0 ",
		NULL
	};
	struct kt_vm_config config = good_config();

	assert_int_equal(kt_topology_parse(&config.topo, "2n4l2,4,1,1c2t", NULL), 0);
	expect(&config, has, lacks);
	config.nested = true;
	expect(&config, nested, NULL);
}

/* What QEMU numbers with gaps is counted without. */
static void test_slots(void **state)
{
	static const unsigned int slots[] = { 0,  1,  2,  3,  8,  9,  10, 11,
					      12, 13, 14, 15, 16, 17, 24, 25 };
	struct kt_topology topo;

	assert_int_equal(kt_topology_parse(&topo, "2n4l2,4,1,1c2t", NULL), 0);
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&topo); cpu++)
		assert_int_equal(kt_qemu_slot(&topo, cpu), slots[cpu]);
}

static void test_memory_nodes_and_distances(void **state)
{
	static const char *const has[] = {
		",id=ram2,size=256M,mem-path=/dev/fd/22,",
		" -numa node,nodeid=1,memdev=ram1 -numa node,nodeid=2,memdev=ram2 ",
		" -numa cpu,node-id=1,socket-id=1 -numa dist,src=0,dst=1,val=20 "
		"-numa dist,src=0,dst=2,val=30 -numa dist,src=1,dst=2,val=17 ",
		NULL
	};
	static const char *const lacks[] = { "memory-backend=", "node-id=2", "ram3", NULL };
	static const char *const one[] = { " -numa node,nodeid=1,memdev=ram1 "
					   "-numa cpu,node-id=0,socket-id=0 -accel ",
					   NULL };
	struct kt_vm_config config = good_config();

	config.memory_bytes = UINT64_C(768) << 20;
	assert_int_equal(kt_topology_parse(&config.topo, "2n2l1c1t1m:20,30,17", NULL), 0);
	expect(&config, has, lacks);
	assert_int_equal(kt_topology_parse(&config.topo, "1n1l2c1t1m", NULL), 0);
	expect(&config, one, lacks);
}

static void test_deterministic_machine(void **state)
{
	static const char *const has[] = { " -accel tcg,thread=single -icount shift=1,sleep=off "
					   "-rtc clock=vm,base=2026-01-01 -seed 42 ",
					   ",rdrand=off,rdseed=off ",
					   " tsc_early_khz=1000000 random.trust_cpu=off ",
					   ",ioeventfd=off ", NULL };
	static const char *const lacks[] = { "thread=multi", NULL };
	struct kt_vm_config config = good_config();

	config.deterministic = true;
	expect(&config, has, lacks);
}

/* SVM needs the AMD vendor, where an LLC has to be a socket. */
static void test_nested_machine(void **state)
{
	static const char *const has[] = {
		" -cpu max,vendor=AuthenticAMD,svm=on ",
		" -smp 8,sockets=4,dies=1,cores=1,threads=2 ",
		" -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=0,socket-id=1 "
		"-numa cpu,node-id=1,socket-id=2 -numa cpu,node-id=1,socket-id=3 ",
		/* A tick that comes again when one is lost. */
		" nohz=off highres=off ", NULL
	};
	static const char *const lacks[] = { "GenuineIntel", NULL };
	struct kt_vm_config config = good_config();

	config.nested = true;
	config.topo = (struct kt_topology){ 2, 4, 1, 2 };
	expect(&config, has, lacks);
}

static void test_command_line_without_additions(void **state)
{
	struct kt_vm_config config = good_config();
	char text[KT_VM_CMDLINE_MAX + 1];

	config.cmdline[0] = '\0';
	assert_int_equal(kt_qemu_cmdline(text, &config, 0), 0);
	assert_true(text[strlen(text) - 1] != ' ');
	assert_null(strstr(text, "tsc_early_khz"));
	assert_null(strstr(text, "nohz"));
	memset(config.cmdline, 'x', KT_VM_CMDLINE_MAX);
	assert_int_equal(kt_qemu_cmdline(text, &config, 0), KT_VM_E_SPEC);
}

/* One that waits for its image names no RAM, and does not begin to make the machine. */
static void test_blank_machine(void **state)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	const struct kt_vm_config config = good_config();
	struct kt_qemu_given with = given;
	const char *text;

	with.incoming = with.blank = true;
	with.ram = NULL;
	text = joined(&buf, &config, &with);
	assert_non_null(strstr(text, "-incoming defer -preconfig "));
	assert_non_null(strstr(text, "-m 512M "));
	assert_null(strstr(text, "ram0"));
	assert_null(strstr(text, "-kernel"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_machine),
		cmocka_unit_test(test_blank_machine),
		cmocka_unit_test(test_no_initramfs),
		cmocka_unit_test(test_nodes_and_llcs),
		cmocka_unit_test(test_uneven_llcs),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_memory_nodes_and_distances),
		cmocka_unit_test(test_deterministic_machine),
		cmocka_unit_test(test_nested_machine),
		cmocka_unit_test(test_command_line_without_additions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
