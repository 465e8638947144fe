/* SPDX-License-Identifier: GPL-2.0-only */
/* From a config to QEMU's command line. */
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

static struct kt_vm_config config; /* good_config() at first */

static void setup(void)
{
	config = good_config();
}

AROUND_EACH(setup, NULL);

/* All of the first list is in the arguments, nothing of the second. */
static void expect_words(const char *const *has, const char *const *lacks)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	const char *text = joined(&buf, &config, &given);

	for (; has && *has; has++)
		assert_contains(text, *has);
	for (; lacks && *lacks; lacks++)
		if (strstr(text, *lacks))
			fail_msg("'%s' in: %s", *lacks, text);
}

#define WORDS(...)	  ((const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT_HAS(...)	  expect_words(WORDS(__VA_ARGS__), NULL)
#define EXPECT_LACKS(...) expect_words(NULL, WORDS(__VA_ARGS__))

TEST(test_plain_machine)
{
	EXPECT_HAS(
		" -nodefaults -no-user-config -display none -vga none -no-reboot -no-shutdown -S ",
		" -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
		"resourcecontrol=deny ",
		" -M q35,max-ram-below-4g=2048M,", ",memory-backend=ram0 ",
		" -cpu max,vendor=GenuineIntel,l3-cache=on,level=0x14 ",
		" -smp 2,sockets=1,dies=1,cores=2,threads=1 ",
		" -m 512M -object memory-backend-file,id=ram0,size=512M,mem-path=/dev/fd/20,"
		"share=on ",
		" -accel tcg,thread=multi -seed 42 ", " -chardev socket,id=qmp,fd=10 ",
		" -chardev socket,id=control,fd=11 ", " -chardev socket,id=console,fd=12 ",
		" -mon chardev=qmp,mode=control -serial chardev:console ",
		" -chardev socket,id=terminal,fd=14 ", " virtconsole,chardev=terminal,nr=0 ",
		" virtserialport,chardev=control,nr=1,name=org.ktest.control ",
		" -kernel /boot/a kernel,with=odd name ",
		" -append console=ttyS0 quiet panic=-1 reboot=t ",
		" tsc=reliable cpu_init_udelay=0 tsc_early_khz=2300000 ktest.x=1 -initrd /dev/fd/13 ");
	EXPECT_LACKS("-numa", "-icount", "-rtc", "rdrand", "ram1", "random.trust_cpu");
}

TEST(test_no_initramfs)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_qemu_given without = given;

	without.initrd = -1;
	assert_null(strstr(joined(&buf, &config, &without), "-initrd"));
}

TEST(test_nodes_and_llcs)
{
	config.topo = (struct kt_topology){ 2, 4, 3, 2 };
	EXPECT_HAS(" -smp 24,sockets=2,dies=2,cores=3,threads=2 ",
		   ",id=ram0,size=256M,mem-path=/dev/fd/20,",
		   ",id=ram1,size=256M,mem-path=/dev/fd/21,",
		   " -numa node,nodeid=0,memdev=ram0 -numa node,nodeid=1,memdev=ram1 ",
		   " -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1 ");
	EXPECT_LACKS("memory-backend=");
}

/* Places of LLC 0 (two of four) and of node 1's LLCs stay empty. */
TEST(test_uneven_llcs)
{
	assert_int_equal(kt_topology_parse(&config.topo, "2n4l2,4,1,1c2t", NULL), 0);
	EXPECT_HAS(" -smp 4,sockets=2,dies=2,cores=4,threads=2,maxcpus=32 "
		   "-device max-x86_64-cpu,socket-id=0,die-id=1,core-id=0,thread-id=0 "
		   "-device max-x86_64-cpu,socket-id=0,die-id=1,core-id=0,thread-id=1 ",
		   "socket-id=1,die-id=0,core-id=0,thread-id=1 "
		   "-device max-x86_64-cpu,socket-id=1,die-id=1,core-id=0,thread-id=0 "
		   "-device max-x86_64-cpu,socket-id=1,die-id=1,core-id=0,thread-id=1 -m ",
		   " tsc_early_khz=2300000 possible_cpus=16 ");
	EXPECT_LACKS("core-id=4", "socket-id=0,die-id=0,core");
	config.nested = true;
	EXPECT_HAS(" -smp 4,sockets=4,dies=1,cores=4,threads=2,maxcpus=32 "
		   "-device max-x86_64-cpu,socket-id=1,die-id=0,core-id=0,thread-id=0 ");
}

/* What QEMU numbers with gaps is counted without. */
TEST(test_slots)
{
	static const unsigned int slots[] = { 0,  1,  2,  3,  8,  9,  10, 11,
					      12, 13, 14, 15, 16, 17, 24, 25 };
	struct kt_topology topo;

	assert_int_equal(kt_topology_parse(&topo, "2n4l2,4,1,1c2t", NULL), 0);
	for (unsigned int cpu = 0; cpu < kt_topology_cpus(&topo); cpu++)
		assert_int_equal(kt_qemu_slot(&topo, cpu), slots[cpu]);
}

TEST(test_memory_nodes_and_distances)
{
	config.memory_bytes = UINT64_C(768) << 20;
	assert_int_equal(kt_topology_parse(&config.topo, "2n2l1c1t1m:20,30,17", NULL), 0);
	EXPECT_HAS(",id=ram2,size=256M,mem-path=/dev/fd/22,",
		   " -numa node,nodeid=1,memdev=ram1 -numa node,nodeid=2,memdev=ram2 ",
		   " -numa cpu,node-id=1,socket-id=1 -numa dist,src=0,dst=1,val=20 "
		   "-numa dist,src=0,dst=2,val=30 -numa dist,src=1,dst=2,val=17 ");
	EXPECT_LACKS("memory-backend=", "node-id=2", "ram3");
	assert_int_equal(kt_topology_parse(&config.topo, "1n1l2c1t1m", NULL), 0);
	EXPECT_HAS(" -numa node,nodeid=1,memdev=ram1 "
		   "-numa cpu,node-id=0,socket-id=0 -accel ");
	EXPECT_LACKS("memory-backend=", "node-id=2", "ram3");
}

TEST(test_counted_time)
{
	config.counted = true;
	EXPECT_HAS(" -accel tcg,thread=single -icount shift=2,sleep=off "
		   "-rtc clock=vm,base=2026-01-01 -seed 42 ",
		   ",rdrand=off,rdseed=off ",
		   " tsc_early_khz=1000000 random.trust_cpu=off ktest_time=counted ",
		   ",ioeventfd=off ");
	EXPECT_LACKS("thread=multi");
}

/* SVM needs the AMD vendor, where an LLC has to be a socket. */
TEST(test_nested_machine)
{
	config.nested = true;
	config.topo = (struct kt_topology){ 2, 4, 1, 2 };
	EXPECT_HAS(" -cpu max,vendor=AuthenticAMD,svm=on ",
		   " -smp 8,sockets=4,dies=1,cores=1,threads=2 ",
		   " -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=0,socket-id=1 "
		   "-numa cpu,node-id=1,socket-id=2 -numa cpu,node-id=1,socket-id=3 ",
		   /* A tick that comes again when one is lost. */
		   " nohz=off highres=off ");
	EXPECT_LACKS("GenuineIntel");
}

TEST(test_command_line_without_additions)
{
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
TEST(test_blank_machine)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(0);
	struct kt_qemu_given with = given;
	const char *text;

	with.incoming = with.blank = true;
	with.ram = NULL;
	text = joined(&buf, &config, &with);
	assert_contains(text, "-incoming defer -preconfig ");
	assert_contains(text, "-m 512M ");
	assert_null(strstr(text, "ram0"));
	assert_null(strstr(text, "-kernel"));
}
