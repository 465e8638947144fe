/* SPDX-License-Identifier: GPL-2.0-only */
/* Port and memory accesses in all widths and forms, exactly as the guest made them. */
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"

#define LOG_MAX 64

struct entry {
	bool is_write;
	uint64_t offset;
	unsigned int len;
	uint64_t value;
};

/* A device that writes down what it is asked; what is read are 0xa1, 0xa2, ... */
struct device {
	struct entry log[LOG_MAX];
	unsigned int count;
	uint8_t next;
};

static void on_access(void *arg, const struct kt_bus_access *access)
{
	struct device *device = arg;
	struct entry *entry = &device->log[device->count++ % LOG_MAX];

	*entry = (struct entry){ access->is_write, access->offset, access->len, 0 };
	for (unsigned int i = 0; i < access->len; i++)
		if (!access->is_write)
			access->data[i] = ++device->next;
	memcpy(&entry->value, access->data, access->len);
}

static void expect_entry(const struct device *device, unsigned int *index, struct entry expected)
{
	const struct entry *entry = &device->log[(*index)++];

	assert_int_equal(entry->is_write, expected.is_write);
	assert_int_equal(entry->offset, expected.offset);
	assert_int_equal(entry->len, expected.len);
	if (entry->value != expected.value)
		fail_msg("access %u: %#llx, not %#llx", *index - 1,
			 (unsigned long long)entry->value, (unsigned long long)expected.value);
}

/* len bytes that count up from first: the pattern, and what the device gives. */
static uint64_t counting(unsigned int first, unsigned int len)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value |= (uint64_t)(uint8_t)(first + i) << (8 * i);
	return value;
}

/* What came in is what the device gave, and the rest of the register as it has to be. */
static void expect_came_in(struct rig *rig)
{
	const uint64_t *words = rig_words(rig, 0);
	uint8_t strings[7 * MICRO_COUNT];

	assert_int_equal(words[1], ~UINT64_C(0xff) | 0xa1);
	assert_int_equal(words[2], ~UINT64_C(0xffff) | 0xa3a2);
	assert_int_equal(words[3], 0xa7a6a5a4); /* 32 bits clear the upper half */
	for (unsigned int i = 0; i < sizeof(strings); i++)
		strings[i] = (uint8_t)(0xa8 + i);
	assert_memory_equal(words + 8, strings, sizeof(strings));
	assert_int_equal(words[4], MICRO_WORDS + 64 + sizeof(strings)); /* where rdi is now */
	assert_int_equal(((const uint8_t *)(words + 8))[sizeof(strings)], 0);
}

TEST(test_ports)
{
	static const unsigned int widths[] = { 1, 2, 4 };
	struct device device = { .next = 0xa0 };
	unsigned int index = 0, at = 0;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_ports);
	rig_trap(&rig, KT_BUS_PORT, MICRO_PORTS, 8, on_access, &device);
	rig_start(&rig);
	rig_wait_word(rig_words(&rig, 0), 1);
	rig_freeze(&rig);
	for (unsigned int i = 0; i < 3; i++)
		expect_entry(&device, &index,
			     (struct entry){ true, 0, widths[i],
					     0x44434241 & (UINT64_MAX >> (64 - 8 * widths[i])) });
	for (unsigned int i = 0, first = 0xa1; i < 3; first += widths[i++])
		expect_entry(&device, &index,
			     (struct entry){ false, 0, widths[i], counting(first, widths[i]) });
	for (unsigned int i = 0; i < 3 * MICRO_COUNT; at += widths[i++ / MICRO_COUNT])
		expect_entry(&device, &index,
			     (struct entry){ true, 0, widths[i / MICRO_COUNT],
					     counting(at, widths[i / MICRO_COUNT]) });
	for (unsigned int i = 0; i < MICRO_COUNT; i++) /* backwards */
		expect_entry(&device, &index, (struct entry){ true, 0, 1, 9 - i });
	assert_int_equal(device.count, index + 3 * MICRO_COUNT);
	expect_came_in(&rig);
}

TEST(test_memory)
{
	struct device device = { .next = 0xa0 };
	uint64_t *words;
	unsigned int index = 0;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_mmio_widths);
	rig_trap(&rig, KT_BUS_MMIO, MICRO_MMIO, 16, on_access, &device);
	rig_start(&rig);
	words = rig_words(&rig, 0);
	rig_wait_word(words, 1);
	rig_freeze(&rig);
	expect_entry(&device, &index, (struct entry){ true, 0, 1, 0x81 });
	expect_entry(&device, &index, (struct entry){ true, 2, 2, 0x8281 });
	expect_entry(&device, &index, (struct entry){ true, 4, 4, 0x84838281 });
	expect_entry(&device, &index, (struct entry){ true, 8, 8, 0x8887868584838281 });
	expect_entry(&device, &index, (struct entry){ false, 0, 1, 0xa1 });
	expect_entry(&device, &index, (struct entry){ false, 2, 2, 0xa3a2 });
	expect_entry(&device, &index, (struct entry){ false, 4, 4, 0xa7a6a5a4 });
	expect_entry(&device, &index, (struct entry){ false, 8, 8, counting(0xa8, 8) });
	expect_entry(&device, &index, (struct entry){ false, 1, 4, counting(0xb0, 4) });
	expect_entry(&device, &index, (struct entry){ false, 4, 4, counting(0xb4, 4) });
	expect_entry(&device, &index, (struct entry){ true, 4, 4, counting(0xb4, 4) + 1 });
	assert_int_equal(device.count, index);
	assert_int_equal(words[1], ~UINT64_C(0xff) | 0xa1);
	assert_int_equal(words[2], ~UINT64_C(0xffff) | 0xa3a2);
	assert_int_equal(words[3], 0xa7a6a5a4);
	assert_int_equal(words[4], counting(0xa8, 8));
	assert_int_equal(words[5], counting(0xb0, 4));
}

static void on_source(void *arg, const struct kt_bus_access *access)
{
	uint64_t *given = arg;

	*access->data = (uint8_t)((*given)++ % MICRO_STRING_IN);
}

/* What the device gave and the instruction has not yet stored is only ever under way. */
TEST(test_freeze_in_a_string_that_comes_in)
{
	uint64_t given = 0, stored, *words;
	struct kvm_regs regs;
	_cleanup_(rig_deinit) struct rig rig;

	rig_init_with(&rig, micro_string_in);
	rig_trap(&rig, KT_BUS_PORT, MICRO_STREAM, 1, on_source, &given);
	rig_start(&rig);
	words = rig_words(&rig, 0);
	for (unsigned int i = 0; i < 500; i++) {
		usleep(i * 7919 % 500);
		rig_freeze(&rig);
		regs = rig_regs(&rig, 0);
		stored = rig_read(words) * MICRO_STRING_IN;
		if (regs.rip == rig_address(micro_string_in_insn))
			stored += MICRO_STRING_IN - regs.rcx;
		assert_in_range(given - stored, 0, MICRO_STRING_IN);
		assert_int_equal(words[1], 0);
		rig_thaw(&rig);
	}
	rig_wait_word(words, 20);
	rig_freeze(&rig);
	assert_int_equal(words[1], 0); /* the guest has found every byte in its place */
}
