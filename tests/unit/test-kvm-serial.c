/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The serial port, against the steps of Linux's 8250 driver: existence test,
 * loopback test, type, start-up tests, console with and without interrupts; and
 * the reset line of the keyboard controller.
 */
#include <string.h>

#include <linux/serial_reg.h>

#include "tests/unit/test.h"
#include "vmm/kvm/device/i8042.h"
#include "vmm/kvm/device/serial.h"

struct fixture {
	struct kt_serial serial;
	char out[256];
	size_t out_len;
	unsigned int outputs;
	unsigned int edges; /* rises of the line */
	bool level;
};

static void on_output(void *arg, const void *data, size_t len)
{
	struct fixture *f = arg;

	assert_true(len && len <= sizeof(f->out) - f->out_len);
	memcpy(f->out + f->out_len, data, len);
	f->out_len += len;
	f->outputs++;
}

static void on_irq(void *arg, bool level)
{
	struct fixture *f = arg;

	assert_int_not_equal(level, f->level);
	f->level = level;
	f->edges += level;
}

static void setup(struct fixture *f)
{
	struct kt_serial_handlers handlers = { .on_output = on_output, .on_irq = on_irq, .arg = f };

	*f = (struct fixture){ .out_len = 0 };
	kt_serial_init(&f->serial, &handlers);
}

static uint8_t in(struct fixture *f, unsigned int reg)
{
	return kt_serial_read(&f->serial, reg);
}

static void out(struct fixture *f, unsigned int reg, uint8_t value)
{
	kt_serial_write(&f->serial, reg, &value, 1);
}

/* autoconfig() */
static void test_probe(void **state)
{
	struct fixture f;

	setup(&f);
	out(&f, UART_IER, 0);
	assert_int_equal(in(&f, UART_IER), 0);
	out(&f, UART_IER, 0xff);
	assert_int_equal(in(&f, UART_IER), 0x0f);
	out(&f, UART_IER, 0);

	out(&f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	assert_int_equal(in(&f, UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(&f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	assert_int_equal(in(&f, UART_MSR) & 0xf0, UART_MSR_RI | UART_MSR_DSR);
	out(&f, UART_MCR, 0);

	out(&f, UART_LCR, UART_LCR_CONF_MODE_B);
	out(&f, UART_EFR, 0);
	out(&f, UART_LCR, 0);
	out(&f, UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(&f, UART_IIR), UART_IIR_FIFO_ENABLED_16550A | UART_IIR_NO_INT);
	out(&f, UART_FCR, 0);
	assert_int_equal(in(&f, UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(f.outputs, 0);
	assert_int_equal(f.edges, 0);
}

static void test_plain_registers(void **state)
{
	struct fixture f;

	setup(&f);
	out(&f, UART_SCR, 0xa5);
	assert_int_equal(in(&f, UART_SCR), 0xa5);
	out(&f, UART_IER, UART_IER_RDI);
	out(&f, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(&f, UART_DLL, 1);
	out(&f, UART_DLM, 2);
	assert_int_equal(in(&f, UART_DLL), 1);
	assert_int_equal(in(&f, UART_DLM), 2);
	out(&f, UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(in(&f, UART_LCR), UART_LCR_WLEN8);
	assert_int_equal(in(&f, UART_IER), UART_IER_RDI);
	assert_int_equal(in(&f, UART_RX), 0);
	assert_int_equal(in(&f, UART_LSR), UART_LSR_TEMT | UART_LSR_THRE);
	assert_int_equal(in(&f, UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	assert_int_equal(in(&f, KT_SERIAL_PORTS), 0xff);
	out(&f, KT_SERIAL_PORTS, 1);
	assert_int_equal(f.outputs, 0);
}

/* The console polls: wait for the transmitter, write. */
static void test_polled_output(void **state)
{
	struct fixture f;

	setup(&f);
	for (const char *p = "panic"; *p; p++) {
		assert_true(in(&f, UART_LSR) & UART_LSR_THRE);
		out(&f, UART_TX, (uint8_t)*p);
	}
	kt_serial_write(&f.serial, UART_TX, " at once", 8);
	kt_serial_write(&f.serial, UART_TX, "", 0);
	assert_int_equal(f.outputs, 6);
	assert_memory_equal(f.out, "panic at once", 13);
	assert_int_equal(f.edges, 0);
}

/* The two tests of serial8250_do_startup(), which it makes with OUT2 off. */
static void test_startup(void **state)
{
	struct fixture f;

	setup(&f);
	for (unsigned int i = 0; i < 3; i++) {
		out(&f, UART_IER, UART_IER_THRI);
		assert_int_equal(in(&f, UART_IIR), UART_IIR_THRI);
		assert_int_equal(in(&f, UART_IIR), UART_IIR_NO_INT);
		out(&f, UART_IER, 0);
	}
	assert_int_equal(f.edges, 0);
}

/* An interrupt says that it is empty, the handler writes, and so on to the end. */
static void test_interrupt_output(void **state)
{
	struct fixture f;

	setup(&f);
	out(&f, UART_FCR, UART_FCR_ENABLE_FIFO);
	out(&f, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	out(&f, UART_IER, UART_IER_THRI);
	assert_true(f.level);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_int_equal(f.edges, i);
		assert_int_equal(in(&f, UART_IIR) & 0x0f, UART_IIR_THRI);
		assert_false(f.level);
		kt_serial_write(&f.serial, UART_TX, "0123456789abcdef", 16);
		assert_true(f.level);
	}
	/* One that writes without a look at IIR gets its edge, too. */
	out(&f, UART_TX, 'x');
	assert_int_equal(f.edges, 5);
	out(&f, UART_IER, 0);
	assert_false(f.level);
	assert_int_equal(f.out_len, 49);
}

static void test_loopback(void **state)
{
	struct fixture f;

	setup(&f);
	out(&f, UART_MCR, UART_MCR_LOOP);
	out(&f, UART_IER, UART_IER_RDI | UART_IER_RLSI);
	kt_serial_write(&f.serial, UART_TX, "ab", 2); /* without FIFO the second is lost */
	assert_int_equal(in(&f, UART_IIR), UART_IIR_RLSI);
	assert_int_equal(in(&f, UART_LSR),
			 UART_LSR_TEMT | UART_LSR_THRE | UART_LSR_DR | UART_LSR_OE);
	assert_int_equal(in(&f, UART_IIR), UART_IIR_RDI);
	assert_int_equal(in(&f, UART_RX), 'a');
	assert_int_equal(in(&f, UART_IIR), UART_IIR_NO_INT);

	out(&f, UART_FCR, UART_FCR_ENABLE_FIFO);
	kt_serial_write(&f.serial, UART_TX, "0123456789abcdefX", 17);
	for (const char *p = "0123456789abcdef"; *p; p++)
		assert_int_equal(in(&f, UART_RX), *p);
	assert_true(in(&f, UART_LSR) & UART_LSR_OE);
	assert_false(in(&f, UART_LSR) & (UART_LSR_DR | UART_LSR_OE));
	out(&f, UART_TX, 'y');
	out(&f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_false(in(&f, UART_LSR) & UART_LSR_DR);
	assert_int_equal(f.outputs, 0);
	assert_int_equal(f.edges, 0);
}

static void test_modem_status(void **state)
{
	struct fixture f;

	setup(&f);
	out(&f, UART_IER, UART_IER_MSI);
	out(&f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	assert_int_equal(in(&f, UART_IIR), UART_IIR_MSI);
	assert_int_equal(in(&f, UART_MSR),
			 UART_MSR_RI | UART_MSR_DDCD | UART_MSR_DDSR | UART_MSR_DCTS);
	assert_int_equal(in(&f, UART_IIR), UART_IIR_NO_INT);
	out(&f, UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in(&f, UART_MSR), UART_MSR_TERI);
}

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

static void test_i8042(void **state)
{
	unsigned int resets = 0;
	struct kt_i8042 i8042 = { .on_reset = count, .arg = &resets };

	for (unsigned int value = 0; value < 256; value++) {
		kt_i8042_write(&i8042, KT_I8042_DATA, (uint8_t)value);
		if (value != KT_I8042_CMD_RESET)
			kt_i8042_write(&i8042, KT_I8042_COMMAND, (uint8_t)value);
		assert_int_equal(kt_i8042_read(&i8042, KT_I8042_COMMAND), 0);
		assert_int_equal(kt_i8042_read(&i8042, KT_I8042_DATA), 0);
	}
	assert_int_equal(resets, 0);
	kt_i8042_write(&i8042, KT_I8042_COMMAND, KT_I8042_CMD_RESET);
	assert_int_equal(resets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_plain_registers),
		cmocka_unit_test(test_polled_output),
		cmocka_unit_test(test_startup),
		cmocka_unit_test(test_interrupt_output),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_modem_status),
		cmocka_unit_test(test_i8042),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
