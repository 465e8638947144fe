/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's own devices, as a guest on a real vCPU uses and misuses them. */
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/device/devices.h"
#include "vmm/kvm/layout.h"

#define TEXT "the quick brown fox jumps over the lazy dog\n"
#define LONG 200 /* repetitions of the text */

struct machine {
	struct rig rig;
	struct kt_kvm_devices devices;
};

static void init(struct machine *machine, const uint8_t *entry)
{
	struct rig *rig = &machine->rig;

	rig_init_with(rig, entry);
	assert_int_equal(kt_kvm_devices_init(&machine->devices, rig->kvm, &rig->ram, &rig->diag),
			 0);
}

static void deinit(struct machine *machine)
{
	machine->rig.kvm = kt_kvm_free(machine->rig.kvm);
	kt_kvm_devices_deinit(&machine->devices);
	rig_deinit(&machine->rig);
}

static void put_text(struct machine *machine, const char *text)
{
	memcpy((uint8_t *)machine->rig.banks[0].data + MICRO_TEXT, text, strlen(text) + 1);
}

/* Adds what the console has said since, and returns how much that is in all. */
static size_t take_console(struct machine *machine, struct kt_buf *said)
{
	struct kt_buf some = KT_BUF_INIT(0);

	assert_int_equal(kt_outbox_take(&machine->devices.outboxes[KT_VM_STREAM_CONSOLE], &some),
			 0);
	if (some.len)
		assert_int_equal(kt_buf_append(said, some.data, some.len), 0);
	kt_buf_deinit(&some);
	return said->len;
}

/* Waits until the console has said this, and no more. */
static void expect_console(struct machine *machine, const char *expected)
{
	_cleanup_(kt_buf_deinit) struct kt_buf said = KT_BUF_INIT(1 << 20);

	RIG_WAIT(take_console(machine, &said) >= strlen(expected));
	assert_int_equal(said.len, strlen(expected));
	assert_memory_equal(said.data, expected, said.len);
}

/* ---- serial port, reset, power ---- */

TEST(test_serial_port)
{
	_cleanup_(deinit) struct machine machine;

	init(&machine, micro_serial);
	put_text(&machine, TEXT);
	rig_words(&machine.rig, 0)[2] = strlen(TEXT) - 1;
	rig_start(&machine.rig);
	rig_wait_word(rig_words(&machine.rig, 0), 1);
	expect_console(&machine, TEXT);
	assert_int_equal(rig_words(&machine.rig, 0)[1], 0x5a); /* the scratch register */
}

/* COM1's line to the guest's vector, edge-triggered, as an operating system routes it. */
static void route_serial(struct rig *rig)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int fd = kt_kvm_vm_fd(rig->kvm);

	assert_int_equal(kt_ioctl(fd, KVM_GET_IRQCHIP, &chip, &rig->diag), 0);
	chip.chip.ioapic.redirtbl[KT_KVM_SERIAL_GSI].bits = MICRO_VECTOR_SERIAL;
	assert_int_equal(kt_ioctl(fd, KVM_SET_IRQCHIP, &chip, &rig->diag), 0);
}

/* Every byte waits for the interrupt of the one before: one lost, and it halts for ever. */
TEST(test_serial_interrupts_over_freezes)
{
	char text[LONG * (sizeof(TEXT) - 1) + 1];
	_cleanup_(deinit) struct machine machine;
	uint64_t *words, before;

	for (unsigned int i = 0; i < LONG; i++)
		memcpy(text + i * (sizeof(TEXT) - 1), TEXT, sizeof(TEXT));
	init(&machine, micro_serial_irq);
	words = rig_words(&machine.rig, 0);
	put_text(&machine, text);
	route_serial(&machine.rig);
	rig_start(&machine.rig);
	for (unsigned int i = 0; i < 100; i++) {
		usleep(i * 7919 % 300);
		rig_freeze(&machine.rig);
		before = rig_read(words);
		usleep(100);
		assert_int_equal(rig_read(words), before);
		rig_thaw(&machine.rig);
	}
	expect_console(&machine, text);
	rig_wait_word(words, strlen(text) + 1); /* the last interrupt found nothing to send */
	rig_freeze(&machine.rig);
	assert_int_equal(rig_read(words), strlen(text) + 1);
}

TEST(test_reset)
{
	_cleanup_(deinit) struct machine machine;

	init(&machine, micro_reset);
	rig_start(&machine.rig);
	assert_int_equal(rig_wait_end(&machine.rig).reason, KT_KVM_END_RESET);
	assert_int_equal(kt_kvm_stop(machine.rig.kvm, rig_deadline(), NULL), 0);
	assert_int_equal(rig_read(rig_words(&machine.rig, 0)), 0); /* not an instruction more */
}

TEST(test_power_off)
{
	_cleanup_(deinit) struct machine machine;

	init(&machine, micro_power_off);
	rig_start(&machine.rig);
	assert_int_equal(rig_wait_end(&machine.rig).reason, KT_KVM_END_POWEROFF);
	assert_int_equal(kt_kvm_stop(machine.rig.kvm, rig_deadline(), NULL), 0);
	assert_int_equal(rig_read(rig_words(&machine.rig, 0)), 0);
}

/* ---- registers of virtio ---- */

/* Whatever it was told: it goes on, or it has failed and says why, which ends the machine. */
static void expect_judged(struct machine *machine)
{
	const struct kt_virtio_mmio *mmio = &machine->devices.console.mmio;
	struct kt_kvm_end end;
	bool failed = mmio->status & KT_VIRTIO_STATUS_NEEDS_RESET;

	assert_int_equal(kt_kvm_has_ended(machine->rig.kvm, &end), failed);
	assert_int_equal(failed, mmio->condition != 0);
	assert_int_equal(failed, kt_diag_is_set(&mmio->diag));
	if (failed)
		assert_int_equal(end.reason, KT_KVM_END_ERROR);
}

static void write_everywhere(uint64_t value)
{
	_cleanup_(deinit) struct machine machine;
	uint64_t *words;

	init(&machine, micro_registers);
	words = rig_words(&machine.rig, 0);
	words[1] = value;
	rig_start(&machine.rig);
	RIG_WAIT(rig_read(words) || kt_kvm_has_ended(machine.rig.kvm, NULL));
	if (!kt_kvm_has_ended(machine.rig.kvm, NULL)) {
		rig_freeze(&machine.rig);
		expect_judged(&machine);
		rig_thaw(&machine.rig);
		rig_wait_word(words, 2);
	}
	assert_int_equal(kt_kvm_stop(machine.rig.kvm, rig_deadline(), NULL), 0);
	expect_judged(&machine);
	/* Two in, two out, four times an offset; notifications are the host's alone. */
	assert_true(kt_vcpu_exits(kt_kvm_vcpu(machine.rig.kvm, 0), KVM_EXIT_MMIO) > 8 * 4000);
	assert_int_equal(kt_kvm_vcpu(machine.rig.kvm, 0)->unclaimed, 0);
}

TEST(test_every_register_in_every_width)
{
	static const uint64_t values[] = {
		0, UINT64_MAX, 1, 0x0f, UINT64_C(0xfffff000) << 32 | 11, MICRO_WORDS | 15
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(values); i++)
		write_everywhere(values[i]);
}

/* Lets the guest do these writes, and waits until it has, or the machine has ended. */
static void run_script(struct machine *machine, const uint32_t (*script)[2], size_t count)
{
	uint8_t *at = (uint8_t *)machine->rig.banks[0].data + MICRO_SCRIPT;
	uint64_t *words = rig_words(&machine->rig, 0), round = words[1] + 1;
	const uint32_t end = MICRO_SCRIPT_END;

	memcpy(at, script, count * sizeof(script[0]));
	memcpy(at + count * sizeof(script[0]), &end, sizeof(end));
	__atomic_store_n(words + 1, round, __ATOMIC_RELEASE);
	RIG_WAIT(rig_read(words) == round || kt_kvm_has_ended(machine->rig.kvm, NULL));
}

#define NEGOTIATED                                                               \
	{ KT_VIRTIO_MMIO_STATUS, 1 }, { KT_VIRTIO_MMIO_STATUS, 3 },              \
		{ KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1 },                       \
		{ KT_VIRTIO_MMIO_DRIVER_FEATURES, KT_VIRTIO_F_VERSION_1 >> 32 }, \
	{                                                                        \
		KT_VIRTIO_MMIO_STATUS, 11                                        \
	}
#define QUEUE(size, address)                                                   \
	{ KT_VIRTIO_MMIO_QUEUE_SEL, 2 }, { KT_VIRTIO_MMIO_QUEUE_NUM, (size) }, \
		{ KT_VIRTIO_MMIO_QUEUE_DESC_LOW, (address) },                  \
		{ KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW, (address) + 0x400 },        \
		{ KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW, (address) + 0x800 },        \
	{                                                                      \
		KT_VIRTIO_MMIO_QUEUE_READY, 1                                  \
	}

/* A driver that does it right is taken, and a reset takes it all back. */
TEST(test_a_driver_and_a_reset)
{
	static const uint32_t up[][2] = { NEGOTIATED,
					  QUEUE(8, 0x100000),
					  { KT_VIRTIO_MMIO_STATUS, 15 } };
	static const uint32_t down[][2] = { { KT_VIRTIO_MMIO_STATUS, 0 } };
	_cleanup_(deinit) struct machine machine;

	init(&machine, micro_script);
	rig_start(&machine.rig);
	run_script(&machine, up, KT_ARRAY_SIZE(up));
	assert_int_equal(rig_words(&machine.rig, 0)[2], 15);
	rig_freeze(&machine.rig);
	assert_true(machine.devices.console.mmio.queues[2].ready);
	rig_thaw(&machine.rig);
	run_script(&machine, down, 1);
	assert_int_equal(rig_words(&machine.rig, 0)[2], 0);
	rig_freeze(&machine.rig);
	assert_false(machine.devices.console.mmio.queues[2].ready);
	assert_false(kt_kvm_has_ended(machine.rig.kvm, NULL));
}

/* Queues that cannot be: each fails the device, by name, and with it the machine. */
static void expect_failure(const uint32_t (*script)[2], size_t count, const char *cause)
{
	_cleanup_(deinit) struct machine machine;
	struct kt_kvm_end end;

	init(&machine, micro_script);
	rig_start(&machine.rig);
	run_script(&machine, script, count);
	end = rig_wait_end(&machine.rig);
	assert_int_equal(kt_kvm_stop(machine.rig.kvm, rig_deadline(), NULL), 0);
	expect_judged(&machine);
	assert_int_equal(end.reason, KT_KVM_END_ERROR);
	assert_string_equal(end.diag.doing, "serve virtio queue 2 of the guest");
	assert_contains(end.diag.cause, cause);
}

TEST(test_queues_that_cannot_be)
{
	static const uint32_t outside[][2] = { NEGOTIATED, QUEUE(8, 0x10000000) };
	static const uint32_t odd_size[][2] = { NEGOTIATED, QUEUE(7, 0x100000) };
	static const uint32_t too_long[][2] = { NEGOTIATED, QUEUE(UINT32_MAX, 0x100000) };
	static const uint32_t on_device[][2] = { NEGOTIATED, QUEUE(8, MICRO_VIRTIO) };
	static const uint32_t misaligned[][2] = { NEGOTIATED, QUEUE(8, 0x100001) };

	expect_failure(outside, KT_ARRAY_SIZE(outside), "is not in RAM");
	expect_failure(odd_size, KT_ARRAY_SIZE(odd_size), "7");
	expect_failure(too_long, KT_ARRAY_SIZE(too_long), "4294967295");
	expect_failure(on_device, KT_ARRAY_SIZE(on_device), "is not in RAM");
	expect_failure(misaligned, KT_ARRAY_SIZE(misaligned), "0x100001");
}
