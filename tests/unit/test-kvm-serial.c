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

static struct fixture {
	struct kt_serial serial;
	char out[256];
	size_t out_len;
	unsigned int outputs;
	unsigned int edges; /* rises of the line */
	bool level;
} f;

static void on_output(void *arg, const void *data, size_t len)
{
	assert_true(len && len <= sizeof(f.out) - f.out_len);
	memcpy(f.out + f.out_len, data, len);
	f.out_len += len;
	f.outputs++;
}

static void on_irq(void *arg, bool level)
{
	assert_int_not_equal(level, f.level);
	f.level = level;
	f.edges += level;
}

static void setup(void)
{
	struct kt_serial_handlers handlers = { .on_output = on_output, .on_irq = on_irq };

	memset(&f, 0, sizeof(f));
	kt_serial_init(&f.serial, &handlers);
}

AROUND_EACH(setup, NULL);

static uint8_t in(unsigned int reg)
{
	return kt_serial_read(&f.serial, reg);
}

static void out(unsigned int reg, uint8_t value)
{
	kt_serial_write(&f.serial, reg, &value, 1);
}

/* autoconfig() */
TEST(test_probe)
{
	out(UART_IER, 0);
	assert_int_equal(in(UART_IER), 0);
	out(UART_IER, 0xff);
	assert_int_equal(in(UART_IER), 0x0f);
	out(UART_IER, 0);

	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	assert_int_equal(in(UART_MSR)&0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	assert_int_equal(in(UART_MSR)&0xf0, UART_MSR_RI | UART_MSR_DSR);
	out(UART_MCR, 0);

	out(UART_LCR, UART_LCR_CONF_MODE_B);
	out(UART_EFR, 0);
	out(UART_LCR, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(UART_IIR), UART_IIR_FIFO_ENABLED_16550A | UART_IIR_NO_INT);
	out(UART_FCR, 0);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(f.outputs, 0);
	assert_int_equal(f.edges, 0);
}

TEST(test_plain_registers)
{
	out(UART_SCR, 0xa5);
	assert_int_equal(in(UART_SCR), 0xa5);
	out(UART_IER, UART_IER_RDI);
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(UART_DLL, 1);
	out(UART_DLM, 2);
	assert_int_equal(in(UART_DLL), 1);
	assert_int_equal(in(UART_DLM), 2);
	out(UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(in(UART_LCR), UART_LCR_WLEN8);
	assert_int_equal(in(UART_IER), UART_IER_RDI);
	assert_int_equal(in(UART_RX), 0);
	assert_int_equal(in(UART_LSR), UART_LSR_TEMT | UART_LSR_THRE);
	assert_int_equal(in(UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	assert_int_equal(in(KT_SERIAL_PORTS), 0xff);
	out(KT_SERIAL_PORTS, 1);
	assert_int_equal(f.outputs, 0);
}

/* The console polls: wait for the transmitter, write. */
TEST(test_polled_output)
{
	for (const char *p = "panic"; *p; p++) {
		assert_true(in(UART_LSR)&UART_LSR_THRE);
		out(UART_TX, (uint8_t)*p);
	}
	kt_serial_write(&f.serial, UART_TX, " at once", 8);
	kt_serial_write(&f.serial, UART_TX, "", 0);
	assert_int_equal(f.outputs, 6);
	assert_memory_equal(f.out, "panic at once", 13);
	assert_int_equal(f.edges, 0);
}

/* The two tests of serial8250_do_startup(), which it makes with OUT2 off. */
TEST(test_startup)
{
	for (unsigned int i = 0; i < 3; i++) {
		out(UART_IER, UART_IER_THRI);
		assert_int_equal(in(UART_IIR), UART_IIR_THRI);
		assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
		out(UART_IER, 0);
	}
	assert_int_equal(f.edges, 0);
}

/* An interrupt says that it is empty, the handler writes, and so on to the end. */
TEST(test_interrupt_output)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	out(UART_IER, UART_IER_THRI);
	assert_true(f.level);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_int_equal(f.edges, i);
		assert_int_equal(in(UART_IIR)&0x0f, UART_IIR_THRI);
		assert_false(f.level);
		kt_serial_write(&f.serial, UART_TX, "0123456789abcdef", 16);
		assert_true(f.level);
	}
	/* One that writes without a look at IIR gets its edge, too. */
	out(UART_TX, 'x');
	assert_int_equal(f.edges, 5);
	out(UART_IER, 0);
	assert_false(f.level);
	assert_int_equal(f.out_len, 49);
}

TEST(test_loopback)
{
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_IER, UART_IER_RDI | UART_IER_RLSI);
	kt_serial_write(&f.serial, UART_TX, "ab", 2); /* without FIFO the second is lost */
	assert_int_equal(in(UART_IIR), UART_IIR_RLSI);
	assert_int_equal(in(UART_LSR), UART_LSR_TEMT | UART_LSR_THRE | UART_LSR_DR | UART_LSR_OE);
	assert_int_equal(in(UART_IIR), UART_IIR_RDI);
	assert_int_equal(in(UART_RX), 'a');
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);

	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	kt_serial_write(&f.serial, UART_TX, "0123456789abcdefX", 17);
	for (const char *p = "0123456789abcdef"; *p; p++)
		assert_int_equal(in(UART_RX), *p);
	assert_true(in(UART_LSR)&UART_LSR_OE);
	assert_false(in(UART_LSR) & (UART_LSR_DR | UART_LSR_OE));
	out(UART_TX, 'y');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_false(in(UART_LSR)&UART_LSR_DR);
	assert_int_equal(f.outputs, 0);
	assert_int_equal(f.edges, 0);
}

TEST(test_modem_status)
{
	out(UART_IER, UART_IER_MSI);
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	assert_int_equal(in(UART_IIR), UART_IIR_MSI);
	assert_int_equal(in(UART_MSR), UART_MSR_RI | UART_MSR_DDCD | UART_MSR_DDSR | UART_MSR_DCTS);
	assert_int_equal(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(in(UART_MSR), UART_MSR_TERI);
}

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

TEST(test_i8042)
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
