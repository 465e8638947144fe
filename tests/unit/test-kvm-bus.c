/* SPDX-License-Identifier: GPL-2.0-only */
/* Traps of the KVM machine: registering them, and which access goes where. */
#include <string.h>

#include "tests/unit/test.h"
#include "vmm/kvm/device/bus.h"

static void record(void *arg, const struct kt_bus_access *access)
{
	struct kt_bus_access *last = arg;

	*last = *access;
	if (!access->is_write)
		memset(access->data, 0x11, access->len);
}

static int add(struct kt_bus *bus, enum kt_bus_space space, uint64_t start, uint64_t len, void *arg)
{
	const struct kt_bus_trap trap = { .start = start, .len = len, .fn = record, .arg = arg };

	return kt_bus_add(bus, space, &trap);
}

static bool read_at(struct kt_bus *bus, enum kt_bus_space space, uint64_t at, unsigned int len,
		    uint8_t *data)
{
	const struct kt_bus_access access = { .offset = at, .len = len, .data = data };

	return kt_bus_access(bus, space, &access);
}

TEST(test_each_access_finds_its_trap)
{
	struct kt_bus_access last[3] = { 0 };
	struct kt_bus bus = { 0 };
	uint8_t data[8] = { 0 };

	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x3000, 0x100, &last[2]), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x1000, 0x1000, &last[0]), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x2000, 0x1000, &last[1]), 0);
	assert_true(read_at(&bus, KT_BUS_MMIO, 0x1ffc, 4, data));
	assert_int_equal(last[0].offset, 0xffc);
	assert_memory_equal(data, "\x11\x11\x11\x11", 4);
	assert_true(read_at(&bus, KT_BUS_MMIO, 0x2000, 8, data));
	assert_int_equal(last[1].offset, 0);
	assert_int_equal(last[1].len, 8);
	assert_true(read_at(&bus, KT_BUS_MMIO, 0x30ff, 1, data));
	assert_int_equal(last[2].offset, 0xff);
}

TEST(test_an_empty_bus_reads_as_ones)
{
	struct kt_bus_access last = { 0 };
	struct kt_bus bus = { 0 };
	uint8_t data[8] = { 0 };

	assert_false(read_at(&bus, KT_BUS_PORT, 0x60, 4, data));
	assert_memory_equal(data, "\xff\xff\xff\xff\0\0\0\0", 8);
	assert_int_equal(add(&bus, KT_BUS_PORT, 0x60, 1, &last), 0);
	/* Ports are not memory; and an access that sticks out is nobody's. */
	assert_false(read_at(&bus, KT_BUS_MMIO, 0x60, 1, data));
	assert_false(read_at(&bus, KT_BUS_PORT, 0x60, 2, data));
	assert_false(read_at(&bus, KT_BUS_PORT, 0x5f, 2, data));
	assert_false(read_at(&bus, KT_BUS_PORT, 0x61, 1, data));
	assert_int_equal(last.len, 0);
}

TEST(test_what_is_refused)
{
	struct kt_bus bus = { 0 };

	assert_int_equal(add(&bus, KT_BUS_PORT, 0x10, 0, NULL), KT_BUS_E_RANGE);
	assert_int_equal(add(&bus, KT_BUS_PORT, 0x10000, 1, NULL), KT_BUS_E_RANGE);
	assert_int_equal(add(&bus, KT_BUS_PORT, 0xffff, 2, NULL), KT_BUS_E_RANGE);
	assert_int_equal(add(&bus, KT_BUS_MMIO, UINT64_MAX, 2, NULL), KT_BUS_E_RANGE);
	assert_int_equal(add(&bus, KT_BUS_PORT, 0xffff, 1, NULL), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, UINT64_MAX, 1, NULL), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x1000, 0x10, NULL), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x1000, 0x10, NULL), KT_BUS_E_OVERLAP);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x100f, 1, NULL), KT_BUS_E_OVERLAP);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0xfff, 2, NULL), KT_BUS_E_OVERLAP);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0, UINT64_MAX, NULL), KT_BUS_E_OVERLAP);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0xfff, 1, NULL), 0);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x1010, 1, NULL), 0);
	assert_int_equal(bus.counts[KT_BUS_MMIO], 4);
}

TEST(test_it_fills_up)
{
	struct kt_bus bus = { 0 };

	for (uint64_t i = 0; i < KT_BUS_TRAPS_MAX; i++)
		assert_int_equal(add(&bus, KT_BUS_PORT, i, 1, NULL), 0);
	assert_int_equal(add(&bus, KT_BUS_PORT, 0x1000, 1, NULL), KT_BUS_E_FULL);
	assert_int_equal(add(&bus, KT_BUS_MMIO, 0x1000, 1, NULL), 0);
}
