/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console against a driver that goes through what Linux's does: the
 * handshake, the named port, data both ways, and a driver that does it wrong.
 */
#include "proto/msg.h"
#include "tests/unit/virtio-driver.h"
#include "vmm/kvm/device/virtio-console.h"

#define FEATURES (KT_VIRTIO_F_VERSION_1 | 2)
#define CRX	 KT_VIRTIO_CONSOLE_CONTROL_RX
#define CTX	 KT_VIRTIO_CONSOLE_CONTROL_TX
#define RX	 KT_VIRTIO_CONSOLE_RX1
#define TX	 KT_VIRTIO_CONSOLE_TX1
/* Buffer of descriptor i of a queue; 256 bytes, for control messages and data apart. */
#define BUFFER(q, i) (BUFFERS + ((q) == CRX ? 0x1000u : 0x2000u) + (i)*0x100u)

static struct fixture {
	struct guest guest;
	struct kt_virtio_console console;
	char got[4096]; /* from the control port */
	size_t got_len;
	char seen[64]; /* on the terminal */
	size_t seen_len;
	const char *answer; /* sent back for each piece that comes */
} f;

static void on_data(void *arg, const void *data, size_t len)
{
	assert_true(len <= sizeof(f.got) - f.got_len);
	memcpy(f.got + f.got_len, data, len);
	f.got_len += len;
	if (f.answer)
		assert_int_equal(kt_virtio_console_send(&f.console, f.answer, strlen(f.answer)), 0);
}

static void on_terminal(void *arg, const void *data, size_t len)
{
	assert_true(len <= sizeof(f.seen) - f.seen_len);
	memcpy(f.seen + f.seen_len, data, len);
	f.seen_len += len;
}

static void begin(bool terminal)
{
	struct kt_virtio_console_handlers handlers = { .on_data = on_data,
						       .on_terminal =
							       terminal ? on_terminal : NULL };
	struct kt_virtio_host host = guest_host(&f.guest);

	memset(&f, 0, sizeof(f));
	guest_init(&f.guest);
	kt_virtio_console_init(&f.console, &f.guest.ram, &host, &handlers);
	f.guest.mmio = &f.console.mmio;
}

static void setup(void)
{
	begin(false);
}

static void teardown(void)
{
	kt_virtio_console_deinit(&f.console);
	guest_deinit(&f.guest);
}

AROUND_EACH(setup, teardown);

/* Another guest and console, as at the begin of a test. */
static void start_over(bool terminal)
{
	teardown();
	begin(terminal);
}

static void offer(unsigned int q, uint16_t i, uint32_t len)
{
	set_desc(&f.guest, q, i, BUFFER(q, i), len, KT_VIRTQ_DESC_WRITE, 0);
	make_available(&f.guest, q, i);
	notify(&f.guest, q);
}

/* Says something on a transmit queue and sees it taken. */
static void say(unsigned int q, const void *data, uint32_t len)
{
	uint32_t head = 0, used = 0;

	poke(&f.guest, BUFFERS, data, len);
	set_desc(&f.guest, q, 3, BUFFERS, len, 0, 0);
	make_available(&f.guest, q, 3);
	notify(&f.guest, q);
	if (f.guest.failures)
		return;
	assert_true(take_back(&f.guest, q, &head, &used));
	assert_int_equal(head, 3);
	assert_int_equal(used, 0);
}

static void say_event(uint32_t port, uint16_t event, uint16_t value)
{
	uint8_t message[8];

	memcpy(message, &port, 4);
	memcpy(message + 4, &event, 2);
	memcpy(message + 6, &value, 2);
	say(CTX, message, sizeof(message));
}

/* Takes a control message of the device; returns its length, 0 if there is none. */
static uint32_t hear_event(uint32_t *ret_port, uint16_t *ret_event, char name[256])
{
	uint32_t head = 0, len = 0;
	uint8_t message[256];

	if (!take_back(&f.guest, CRX, &head, &len))
		return 0;
	assert_in_range(len, 8, 255);
	peek(&f.guest, BUFFER(CRX, head), message, len);
	memcpy(ret_port, message, 4);
	memcpy(ret_event, message + 4, 2);
	memcpy(name, message + 8, len - 8);
	name[len - 8] = 0;
	offer(CRX, (uint16_t)head, 256);
	return len;
}

static void expect_event_of(uint32_t of, uint16_t event, const char *name)
{
	uint16_t got_event;
	uint32_t port;
	char got_name[256];

	assert_int_not_equal(hear_event(&port, &got_event, got_name), 0);
	assert_int_equal(port, of);
	assert_int_equal(got_event, event);
	assert_string_equal(got_name, name);
}

static void expect_event(uint16_t event, const char *name)
{
	expect_event_of(KT_VIRTIO_CONSOLE_PORT, event, name);
}

/* As Linux does it, up to the port that a program has opened. */
static void handshake(void)
{
	bring_up(&f.guest, FEATURES, KT_VIRTIO_CONSOLE_QUEUES);
	for (uint16_t i = 0; i < 4; i++)
		offer(CRX, i, 256);
	say_event(UINT32_MAX, KT_VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_event(KT_VIRTIO_CONSOLE_PORT_ADD, "");
	for (uint16_t i = 0; i < 4; i++)
		offer(RX, i, 16);
	say_event(1, KT_VIRTIO_CONSOLE_PORT_READY, 1);
	expect_event(KT_VIRTIO_CONSOLE_PORT_NAME, KT_PORT_CONTROL);
	expect_event(KT_VIRTIO_CONSOLE_PORT_OPEN, "");
	say_event(1, KT_VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(f.guest.failures, 0);
}

static void expect_data(const char *text)
{
	uint32_t head = 0, len = 0;
	char buf[256] = "";

	assert_true(take_back(&f.guest, RX, &head, &len));
	assert_int_equal(len, strlen(text));
	peek(&f.guest, BUFFER(RX, head), buf, len);
	assert_string_equal(buf, text);
}

static void send_text(const char *text)
{
	assert_int_equal(kt_virtio_console_send(&f.console, text, strlen(text)), 0);
}

TEST(test_config)
{
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_DEVICE_ID), 3);
	assert_int_equal(reg_read(&f.guest, KT_VIRTIO_MMIO_CONFIG + 4), 2);
}

/* Port 0 is added, is a console, and takes what is typed once it is open. */
TEST(test_terminal)
{
	uint32_t head = 0, len = 0;
	char typed[16] = "";

	start_over(true);
	bring_up(&f.guest, FEATURES, KT_VIRTIO_CONSOLE_QUEUES);
	for (uint16_t i = 0; i < 4; i++)
		offer(CRX, i, 256);
	say_event(UINT32_MAX, KT_VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_event(KT_VIRTIO_CONSOLE_PORT_ADD, "");
	expect_event_of(0, KT_VIRTIO_CONSOLE_PORT_ADD, "");
	say_event(0, KT_VIRTIO_CONSOLE_PORT_READY, 1);
	expect_event_of(0, KT_VIRTIO_CONSOLE_CONSOLE_PORT, "");
	offer(KT_VIRTIO_CONSOLE_RX0, 0, 16);
	assert_int_equal(kt_virtio_console_type(&f.console, "ls\r", 3), 0);
	assert_false(take_back(&f.guest, KT_VIRTIO_CONSOLE_RX0, &head, &len));
	say_event(0, KT_VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_true(take_back(&f.guest, KT_VIRTIO_CONSOLE_RX0, &head, &len));
	assert_int_equal(len, 3);
	peek(&f.guest, BUFFER(KT_VIRTIO_CONSOLE_RX0, head), typed, len);
	assert_string_equal(typed, "ls\r");
	say(KT_VIRTIO_CONSOLE_TX0, "file\r\n", 6);
	assert_int_equal(f.seen_len, 6);
	assert_memory_equal(f.seen, "file\r\n", 6);
	assert_int_equal(f.got_len, 0);
	assert_int_equal(f.guest.failures, 0);
	say_event(0, KT_VIRTIO_CONSOLE_PORT_NAME, 1);
	assert_int_equal(f.guest.failures, 1);
}

TEST(test_data_both_ways)
{
	uint32_t head = 0, len = 0;

	handshake();
	say(TX, "hello", 5);
	assert_int_equal(f.got_len, 5);
	assert_memory_equal(f.got, "hello", 5);
	send_text("job");
	expect_data("job");
	/* In pieces of the buffers' size. */
	send_text("0123456789abcdefghij");
	expect_data("0123456789abcdef");
	expect_data("ghij");
	assert_false(take_back(&f.guest, RX, &head, &len));
}

TEST(test_a_handler_may_send)
{
	handshake();
	f.answer = "pong";
	say(TX, "ping", 4);
	expect_data("pong");
}

/* What is sent before the port is open waits; Linux would throw it away. */
TEST(test_data_waits_for_open)
{
	uint32_t head = 0, len = 0;

	send_text("early ");
	handshake();
	expect_data("early ");
	say_event(1, KT_VIRTIO_CONSOLE_PORT_OPEN, 0);
	send_text("late");
	assert_false(take_back(&f.guest, RX, &head, &len));
	say_event(1, KT_VIRTIO_CONSOLE_PORT_OPEN, 1);
	expect_data("late");
}

/* Without buffers bytes wait, up to the limit, and the driver is asked to notify. */
TEST(test_backpressure)
{
	static const char block[1u << 20];
	uint32_t head = 0, len = 0;

	handshake();
	assert_int_equal(peek16(&f.guest, USED(RX)), KT_VIRTQ_USED_NO_NOTIFY);
	for (size_t i = 0; i < KT_VM_SEND_MAX / sizeof(block); i++)
		assert_int_equal(kt_virtio_console_send(&f.console, block, sizeof(block)), 0);
	/* Four buffers of 16 bytes were there. */
	assert_int_equal(f.console.pending.len, KT_VM_SEND_MAX - 64);
	assert_int_equal(kt_virtio_console_send(&f.console, block, 65), KT_VM_E_FULL);
	assert_int_equal(f.console.pending.len, KT_VM_SEND_MAX - 64);
	assert_int_equal(peek16(&f.guest, USED(RX)), 0);
	for (size_t left = KT_VM_SEND_MAX; left; left -= len) {
		assert_true(take_back(&f.guest, RX, &head, &len));
		offer(RX, (uint16_t)head, 0x4000);
	}
	assert_int_equal(f.console.pending.len, 0);
	assert_int_equal(peek16(&f.guest, USED(RX)), KT_VIRTQ_USED_NO_NOTIFY);
	assert_int_equal(f.guest.failures, 0);
}

/* One interrupt for a batch, and none for a driver that polls. */
TEST(test_held)
{
	static const char zeros[16] = "";
	char back[16];
	unsigned int interrupts;

	handshake();
	offer(RX, 0, 16);
	reg_write(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_ACK, KT_VIRTIO_INT_QUEUE);
	interrupts = f.guest.interrupts;
	kt_virtio_console_hold(&f.console, true);
	/* Nothing of the guest is touched: not for what is sent to it ... */
	poke(&f.guest, BUFFER(RX, 0), zeros, 16);
	assert_int_equal(kt_virtio_console_send(&f.console, "to", 2), 0);
	peek(&f.guest, BUFFER(RX, 0), back, 16);
	assert_memory_equal(back, zeros, 16);
	/* ... nor for what it has said. */
	poke(&f.guest, BUFFERS, "from", 4);
	set_desc(&f.guest, TX, 3, BUFFERS, 4, 0, 0);
	make_available(&f.guest, TX, 3);
	notify(&f.guest, TX);
	assert_int_equal(f.got_len, 0);
	assert_int_equal(f.guest.interrupts, interrupts);

	kt_virtio_console_hold(&f.console, false);
	assert_int_equal(f.got_len, 4);
	assert_memory_equal(f.got, "from", 4);
	peek(&f.guest, BUFFER(RX, 0), back, 16);
	assert_memory_equal(back, "to", 2);
	assert_true(f.guest.interrupts > interrupts);
}

TEST(test_interrupts)
{
	handshake();
	reg_write(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_ACK, KT_VIRTIO_INT_QUEUE);
	f.guest.interrupts = 0;
	send_text("0123456789abcdefghij");
	assert_int_equal(f.guest.interrupts, 1);
	reg_write(&f.guest, KT_VIRTIO_MMIO_INTERRUPT_ACK, KT_VIRTIO_INT_QUEUE);
	poke16(&f.guest, AVAIL(RX), KT_VIRTQ_AVAIL_NO_INTERRUPT);
	send_text("x");
	assert_int_equal(f.guest.interrupts, 1);
}

TEST(test_reset_starts_over)
{
	handshake();
	reg_write(&f.guest, KT_VIRTIO_MMIO_STATUS, 0);
	send_text("again");
	memset(f.guest.avail, 0, sizeof(f.guest.avail));
	memset(f.guest.used, 0, sizeof(f.guest.used));
	for (unsigned int q = 0; q < KT_VIRTIO_CONSOLE_QUEUES; q++)
		poke(&f.guest, DESC(q), (uint8_t[0x1000]){ 0 }, 0x1000);
	handshake();
	expect_data("again");
}

/* A queue that the driver was told not to notify of, and that it then takes back. */
TEST(test_queue_taken_back)
{
	handshake();
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_SEL, RX);
	reg_write(&f.guest, KT_VIRTIO_MMIO_QUEUE_READY, 0);
	send_text("waits");
	assert_int_equal(f.console.pending.len, 5);
	assert_int_equal(f.guest.failures, 0);
	f.guest.avail[RX] = f.guest.used[RX] = 0;
	poke(&f.guest, DESC(RX), (uint8_t[0x1000]){ 0 }, 0x1000);
	set_queue(&f.guest, RX, QUEUE_SIZE);
	offer(RX, 0, 16);
	expect_data("waits");
}

/* A driver that knows one port only writes its console to port 0. */
TEST(test_single_port)
{
	bring_up(&f.guest, KT_VIRTIO_F_VERSION_1, 2);
	say(KT_VIRTIO_CONSOLE_TX0, "to nobody", 9);
	assert_int_equal(f.got_len, 0);
	assert_int_equal(f.guest.failures, 0);
}

/* Starts over afterwards. */
static void expect_failed(enum kt_virtio_condition condition)
{
	assert_int_equal(f.guest.failures, 1);
	assert_int_equal(f.guest.condition, condition);
	assert_true(strlen(f.guest.words) > 0);
	assert_true(reg_read(&f.guest, KT_VIRTIO_MMIO_STATUS) & KT_VIRTIO_STATUS_NEEDS_RESET);
	/* Sending to a failed device only fills the queue. */
	send_text("x");
	start_over(false);
}

TEST(test_hostile_messages)
{
	static const struct {
		uint32_t port;
		uint16_t event;
		uint16_t value;
		enum kt_virtio_condition condition;
	} bad[] = {
		{ 0, KT_VIRTIO_CONSOLE_DEVICE_READY, 0, KT_VIRTIO_E_DRIVER },
		{ 1, KT_VIRTIO_CONSOLE_PORT_READY, 0, KT_VIRTIO_E_DRIVER },
		{ 0, KT_VIRTIO_CONSOLE_PORT_READY, 1, KT_VIRTIO_E_MESSAGE },
		{ 2, KT_VIRTIO_CONSOLE_PORT_OPEN, 1, KT_VIRTIO_E_MESSAGE },
		{ 1, KT_VIRTIO_CONSOLE_PORT_NAME, 1, KT_VIRTIO_E_MESSAGE },
		{ 1, UINT16_MAX, 1, KT_VIRTIO_E_MESSAGE },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		handshake();
		say_event(bad[i].port, bad[i].event, bad[i].value);
		expect_failed(bad[i].condition);
	}
	handshake();
	say(CTX, "short", 5);
	expect_failed(KT_VIRTIO_E_LENGTH);
}

TEST(test_hostile_buffers)
{
	/* A writable buffer to transmit. */
	handshake();
	offer(TX, 0, 16);
	expect_failed(KT_VIRTIO_E_DIRECTION);

	/* No room for PORT_ADD. */
	bring_up(&f.guest, FEATURES, KT_VIRTIO_CONSOLE_QUEUES);
	offer(CRX, 0, 4);
	say_event(0, KT_VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_failed(KT_VIRTIO_E_LENGTH);

	/* No room at all, and a readable buffer to receive. */
	handshake();
	for (uint16_t i = 0; i < 4; i++)
		set_desc(&f.guest, RX, i, BUFFERS, 0, KT_VIRTQ_DESC_WRITE, 0);
	send_text("x");
	expect_failed(KT_VIRTIO_E_LENGTH);

	handshake();
	for (uint16_t i = 0; i < 4; i++)
		set_desc(&f.guest, RX, i, BUFFERS, 16, 0, 0);
	send_text("x");
	expect_failed(KT_VIRTIO_E_DIRECTION);
}

/* The same bytes over and over: a lot of data out of little RAM. */
TEST(test_hostile_amount)
{
	const struct kt_vm_bank big = { .start = KT_GPA(1u << 24), .len = 1u << 20 };

	handshake();
	f.guest.ram.banks[2] = big;
	f.guest.ram.host[2] = calloc(1, big.len);
	assert_non_null(f.guest.ram.host[2]);
	f.guest.ram.bank_count = 3;
	for (uint16_t i = 0; i < 2; i++)
		set_desc(&f.guest, TX, i, big.start.v, 1u << 20, i ? 0 : KT_VIRTQ_DESC_NEXT, 1);
	make_available(&f.guest, TX, 0);
	notify(&f.guest, TX);
	assert_int_equal(f.got_len, 0);
	free(f.guest.ram.host[2]);
	expect_failed(KT_VIRTIO_E_LENGTH);
}
