/* SPDX-License-Identifier: GPL-2.0-only */
/* The places of vCPUs in QEMU's text of registers. */
#include "tests/unit/test.h"
#include "vmm/qemu/machine.h"

static struct kt_vm_place places[4];

TEST(test_each_cpu)
{
	static const char text[] =
		"\r\nCPU#0\r\nRAX=0000000000000001 RBX=ffffffff82000000\r\n"
		"RIP=ffffffff81123456 RFL=00000006 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\n"
		"ES =0000 0000000000000000 ffffffff 00000000\r\n"
		"\r\nCPU#1\r\nRAX=0000000000000000 RBX=0000000000000000\r\n"
		"RIP=ffffffff81aaaaaa RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n";

	assert_int_equal(kt_qemu_places_parse(text, places, 4), 2);
	assert_int_equal(places[0].rip, 0xffffffff81123456);
	assert_true(places[0].masked && !places[0].halted);
	assert_int_equal(places[1].rip, 0xffffffff81aaaaaa);
	assert_true(!places[1].masked && places[1].halted);
	assert_int_equal(kt_qemu_places_parse(text, places, 1), 1);
}

TEST(test_no_registers)
{
	assert_int_equal(kt_qemu_places_parse("", places, 4), 0);
	assert_int_equal(kt_qemu_places_parse("unknown command: 'info registers'", places, 4), 0);
	assert_int_equal(kt_qemu_places_parse("CPU#", places, 4), 1);
	assert_int_equal(places[0].rip, 0);
}
