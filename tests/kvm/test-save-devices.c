/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of a saved machine: the drivers of its clones go on with what they had set up
 * and where they were, in both directions, and find out nothing.
 */
#include <string.h>

#include "base/cleanup.h"
#include "tests/kvm/rig.h"
#include "vmm/kvm/device/devices.h"
#include "vmm/kvm/layout.h"

#define TEXT "pack my box with five dozen liquor jugs\n"
#define LONG 100 /* repetitions of the text */

/* In the first bank: rings of each queue, and a buffer for each of its descriptors. */
#define SIZE	     8u
#define DESC(q)	     (0x100000u + (q)*0x1000u)
#define AVAIL(q)     (DESC(q) + 0x400u)
#define USED(q)	     (DESC(q) + 0x800u)
#define BUFFER(q, i) (0x110000u + (q)*0x1000u + (i)*0x100u)
#define CTX	     KT_VIRTIO_CONSOLE_CONTROL_TX
#define CRX	     KT_VIRTIO_CONSOLE_CONTROL_RX
#define RX	     KT_VIRTIO_CONSOLE_RX1
#define TX	     KT_VIRTIO_CONSOLE_TX1

struct machine {
	struct rig rig;
	struct kt_kvm_devices devices;
};

static void init(struct machine *m, const uint8_t *entry)
{
	rig_init_with(&m->rig, entry);
	assert_int_equal(kt_kvm_devices_init(&m->devices, m->rig.kvm, &m->rig.ram, &m->rig.diag),
			 0);
}

static void deinit(struct machine *m)
{
	m->rig.kvm = kt_kvm_free(m->rig.kvm);
	kt_kvm_devices_deinit(&m->devices);
	rig_deinit(&m->rig);
}

/* Vm.h's order: vCPUs first, then devices. */
static void freeze(struct machine *m)
{
	rig_freeze(&m->rig);
	kt_kvm_devices_hold(&m->devices, true);
}

static void thaw(struct machine *m)
{
	rig_thaw(&m->rig);
	kt_kvm_devices_hold(&m->devices, false);
}

static void save(struct machine *m, struct kt_kvm_saved *ret_saved)
{
	struct kt_buf buf = KT_BUF_INIT(0);

	rig_expect_ok(&m->rig, kt_kvm_state_begin(&buf, 1)			   ?:
				       kt_kvm_save(m->rig.kvm, &buf, &m->rig.diag) ?:
				       kt_kvm_devices_save(&m->devices, &buf));
	kt_kvm_state_end(&buf);
	rig_expect_ok(&m->rig, kt_kvm_state_parse(ret_saved, &buf, &m->rig.diag));
}

static void restore(struct machine *m, const struct kt_kvm_saved *saved)
{
	rig_restore(&m->rig, saved);
	rig_expect_ok(&m->rig, kt_kvm_devices_restore(&m->devices, saved, &m->rig.diag));
}

static void init_clone(struct machine *m, const struct machine *from,
		       const struct kt_kvm_saved *saved)
{
	rig_init_empty(&m->rig, &from->rig, 1);
	assert_int_equal(kt_kvm_devices_init(&m->devices, m->rig.kvm, &m->rig.ram, &m->rig.diag),
			 0);
	kt_kvm_devices_hold(&m->devices, true);
	restore(m, saved);
}

static size_t take(struct machine *m, enum kt_vm_stream stream, struct kt_buf *said)
{
	struct kt_buf some = KT_BUF_INIT(0);

	assert_int_equal(kt_outbox_take(&m->devices.outboxes[stream], &some), 0);
	if (some.len)
		assert_int_equal(kt_buf_append(said, some.data, some.len), 0);
	kt_buf_deinit(&some);
	return said->len;
}

/* ---- virtio-console ---- */

static uint8_t *at(struct machine *m, uint64_t gpa)
{
	return (uint8_t *)m->rig.banks[0].data + gpa;
}

static uint16_t *word_at(struct machine *m, uint64_t gpa)
{
	return (uint16_t *)at(m, gpa);
}

static void offer(struct machine *m, unsigned int q, uint16_t i, uint32_t len, uint16_t flags)
{
	uint64_t buffer = BUFFER(q, i);
	uint16_t *avail = word_at(m, AVAIL(q));

	memcpy(at(m, DESC(q) + i * 16u), &buffer, 8);
	memcpy(at(m, DESC(q) + i * 16u + 8), &len, 4);
	*word_at(m, DESC(q) + i * 16u + 12) = flags;
	avail[2 + avail[1] % SIZE] = i;
	__atomic_store_n(&avail[1], (uint16_t)(avail[1] + 1), __ATOMIC_RELEASE);
}

static void offer_text(struct machine *m, unsigned int q, uint16_t i, const void *text,
		       uint32_t len)
{
	memcpy(at(m, BUFFER(q, i)), text, len);
	offer(m, q, i, len, 0);
}

/* Lets the guest make these writes to the registers. */
static void run_script(struct machine *m, const uint32_t (*script)[2], size_t count)
{
	uint64_t *words = rig_words(&m->rig, 0), round = words[1] + 1;
	const uint32_t end = MICRO_SCRIPT_END;

	memcpy(at(m, MICRO_SCRIPT), script, count * sizeof(script[0]));
	memcpy(at(m, MICRO_SCRIPT) + count * sizeof(script[0]), &end, sizeof(end));
	__atomic_store_n(words + 1, round, __ATOMIC_RELEASE);
	rig_wait_word(words, round);
}

/* The guest notifies; the loop, which the test is, has not seen it yet. */
static void notify(struct machine *m, uint32_t q)
{
	const uint32_t script[][2] = { { KT_VIRTIO_MMIO_QUEUE_NOTIFY, q } };

	run_script(m, script, 1);
}

static void say_event(struct machine *m, uint16_t event)
{
	const uint32_t message[] = { KT_VIRTIO_CONSOLE_PORT, event | 1u << 16 };

	offer_text(m, CTX, 0, message, sizeof(message));
	notify(m, CTX);
	kt_kvm_devices_notified(&m->devices, CTX);
}

#define QUEUE(q)                                                               \
	{ KT_VIRTIO_MMIO_QUEUE_SEL, (q) }, { KT_VIRTIO_MMIO_QUEUE_NUM, SIZE }, \
		{ KT_VIRTIO_MMIO_QUEUE_DESC_LOW, DESC(q) },                    \
		{ KT_VIRTIO_MMIO_QUEUE_DRIVER_LOW, AVAIL(q) },                 \
		{ KT_VIRTIO_MMIO_QUEUE_DEVICE_LOW, USED(q) },                  \
	{                                                                      \
		KT_VIRTIO_MMIO_QUEUE_READY, 1                                  \
	}

/* Up to a port that a program of the guest has opened, with buffers to receive in. */
static void bring_up(struct machine *m)
{
	static const uint32_t up[][2] = { { KT_VIRTIO_MMIO_STATUS, 1 },
					  { KT_VIRTIO_MMIO_STATUS, 3 },
					  { KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0 },
					  { KT_VIRTIO_MMIO_DRIVER_FEATURES, 2 },
					  { KT_VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1 },
					  { KT_VIRTIO_MMIO_DRIVER_FEATURES, 1 },
					  { KT_VIRTIO_MMIO_STATUS, 11 },
					  QUEUE(CRX),
					  QUEUE(CTX),
					  QUEUE(RX),
					  QUEUE(TX),
					  { KT_VIRTIO_MMIO_STATUS, 15 } };

	run_script(m, up, KT_ARRAY_SIZE(up));
	for (uint16_t i = 0; i < 4; i++) {
		offer(m, CRX, i, 0x100, KT_VIRTQ_DESC_WRITE);
		offer(m, RX, i, 4, KT_VIRTQ_DESC_WRITE);
	}
	say_event(m, KT_VIRTIO_CONSOLE_DEVICE_READY);
	say_event(m, KT_VIRTIO_CONSOLE_PORT_READY);
	say_event(m, KT_VIRTIO_CONSOLE_PORT_OPEN);
	assert_true(m->devices.console.guest_open);
}

static void expect_said(struct machine *m, const char *text)
{
	_cleanup_(kt_buf_deinit) struct kt_buf said = KT_BUF_INIT(0);

	take(m, KT_VM_STREAM_CONTROL, &said);
	assert_int_equal(said.len, strlen(text));
	assert_memory_equal(said.data, text, said.len);
}

/* In the next buffers of four bytes, which are in order. */
static void expect_heard(struct machine *m, uint16_t first, const char *text)
{
	uint16_t used = *word_at(m, USED(RX) + 2);

	assert_int_equal(used - first, strlen(text) / 4);
	for (uint16_t i = first; i < used; i++)
		assert_memory_equal(at(m, BUFFER(RX, i)), text + (i - first) * 4, 4);
}

/* All that a clone's driver does at first, from where the source was saved. */
static void expect_goes_on(struct machine *m)
{
	thaw(m);
	expect_said(m, "unseen"); /* though nobody has notified of it here */
	assert_int_equal(kt_kvm_devices_send(&m->devices, KT_VM_STREAM_CONTROL, "headtail", 8), 0);
	expect_heard(m, 1, "headtail");
	offer_text(m, TX, 2, "more", 4);
	notify(m, TX);
	kt_kvm_devices_notified(&m->devices, TX);
	expect_said(m, "more");
	assert_int_equal(rig_words(&m->rig, 0)[2], 15); /* the status that the guest reads */
	assert_false(kt_kvm_has_ended(m->rig.kvm, NULL));
}

TEST(test_console)
{
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(deinit) struct machine m, clone;

	init(&m, micro_script);
	rig_start(&m.rig);
	bring_up(&m);
	/* One buffer is used, something is said that the loop has not seen. */
	assert_int_equal(kt_kvm_devices_send(&m.devices, KT_VM_STREAM_CONTROL, "1st.", 4), 0);
	expect_heard(&m, 0, "1st.");
	offer_text(&m, TX, 0, "seen", 4);
	notify(&m, TX);
	kt_kvm_devices_notified(&m.devices, TX);
	expect_said(&m, "seen");
	offer_text(&m, TX, 1, "unseen", 6);
	notify(&m, TX);
	freeze(&m);
	save(&m, &saved);
	init_clone(&clone, &m, &saved);
	assert_int_equal(kt_kvm_devices_send(&clone.devices, KT_VM_STREAM_CONTROL, "wait", 4), 0);
	expect_heard(&clone, 1, ""); /* frozen: it waits */
	for (unsigned int i = 0; i < 3; i++) {
		rig_copy_memory(&clone.rig, &m.rig);
		restore(&clone, &saved); /* what waited is dropped */
		expect_goes_on(&clone);
		/* To be dropped: said and not taken, sent and not received. */
		offer_text(&clone, TX, 3, "lost", 4);
		notify(&clone, TX);
		kt_kvm_devices_notified(&clone.devices, TX);
		assert_int_equal(
			kt_kvm_devices_send(&clone.devices, KT_VM_STREAM_CONTROL, "12345678", 8),
			0);
		freeze(&clone);
	}
	kt_kvm_devices_notified(&m.devices, TX);
	expect_goes_on(&m);
}

/* ---- serial port ---- */

static void route(struct rig *rig, unsigned int gsi, uint64_t vector)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int fd = kt_kvm_vm_fd(rig->kvm);

	assert_int_equal(kt_ioctl(fd, KVM_GET_IRQCHIP, &chip, &rig->diag), 0);
	chip.chip.ioapic.redirtbl[gsi].bits = vector;
	assert_int_equal(kt_ioctl(fd, KVM_SET_IRQCHIP, &chip, &rig->diag), 0);
}

static void fill_text(char *text)
{
	for (unsigned int i = 0; i < LONG; i++)
		memcpy(text + i * (sizeof(TEXT) - 1), TEXT, sizeof(TEXT));
}

/* Every byte waits for the interrupt of the one before: one lost, and it halts for ever. */
TEST_OF("serial", test_serial_interrupts)
{
	char text[LONG * (sizeof(TEXT) - 1) + 1];
	struct kt_buf said = KT_BUF_INIT(1 << 20), rest = KT_BUF_INIT(1 << 20);
	struct kt_kvm_saved saved;
	struct machine m, clone;

	fill_text(text);
	init(&m, micro_serial_irq);
	memcpy(at(&m, MICRO_TEXT), text, sizeof(text));
	route(&m.rig, KT_KVM_SERIAL_GSI, MICRO_VECTOR_SERIAL);
	rig_start(&m.rig);
	for (unsigned int i = 0; i < 20; i++) {
		rig_wait_word(rig_words(&m.rig, 0), i * 150 + 10);
		freeze(&m);
		take(&m, KT_VM_STREAM_CONSOLE, &said);
		save(&m, &saved);
		init_clone(&clone, &m, &saved);
		thaw(&clone);
		rest.len = 0;
		RIG_WAIT(said.len + take(&clone, KT_VM_STREAM_CONSOLE, &rest) >= sizeof(text) - 1);
		assert_int_equal(said.len + rest.len, sizeof(text) - 1);
		assert_memory_equal(said.data, text, said.len);
		assert_memory_equal(rest.data, text + said.len, rest.len);
		deinit(&clone);
		kt_kvm_state_deinit(&saved);
		thaw(&m);
	}
	deinit(&m);
	kt_buf_deinit(&said);
	kt_buf_deinit(&rest);
}

/*
 * The console has raised its interrupt, and KVM had not taken it from the eventfd when it
 * was saved: the clone gets it all the same.
 */
TEST_OF("serial", test_interrupt_under_way)
{
	struct kt_kvm_saved saved;
	struct machine m, clone;

	init(&m, micro_halt);
	route(&m.rig, KT_KVM_VIRTIO_GSI, MICRO_VECTOR);
	rig_start(&m.rig);
	rig_wait_word(rig_words(&m.rig, 0) + 1, 1);
	freeze(&m);
	save(&m, &saved);
	init_clone(&clone, &m, &saved);
	thaw(&clone);
	usleep(20000);
	assert_int_equal(rig_read(rig_words(&clone.rig, 0)), 0); /* none has been raised */
	deinit(&clone);
	kt_kvm_state_deinit(&saved);
	m.devices.console.mmio.interrupt_status = KT_VIRTIO_INT_QUEUE;
	save(&m, &saved);
	init_clone(&clone, &m, &saved);
	thaw(&clone);
	rig_wait_word(rig_words(&clone.rig, 0), 1);
	deinit(&clone);
	deinit(&m);
	kt_kvm_state_deinit(&saved);
}

/* ---- states that cannot be ---- */

TEST(test_without_devices)
{
	struct kt_diag diag = KT_DIAG_INIT;
	_cleanup_(kt_kvm_state_deinit) struct kt_kvm_saved saved;
	_cleanup_(deinit) struct machine m;

	init(&m, micro_script);
	rig_start(&m.rig);
	freeze(&m);
	rig_save(&m.rig, &saved);
	assert_int_equal(kt_kvm_devices_restore(&m.devices, &saved, &diag), KT_KVM_STATE_E_MISSING);
	assert_string_equal(diag.cause, "the state is of a machine without devices");
}

/* With the argument "serial" those that need interrupts which end a HLT. */
int main(int argc, char **argv)
{
	return rig_main(argc > 1 ? argv[1] : "", NULL, NULL);
}
