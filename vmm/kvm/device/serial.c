/* SPDX-License-Identifier: GPL-2.0-only */
/* A 16550A serial port; see serial.h. The caller serialises the calls. */
#include <string.h>

#include <linux/serial_reg.h>

#include "vmm/kvm/device/serial.h"

#define IER_BITS (UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define MCR_BITS (UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_OUT1 | UART_MCR_RTS | UART_MCR_DTR)
/* The far end is always present and ready. */
#define MODEM_LINES (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

void kt_serial_init(struct kt_serial *serial, const struct kt_serial_handlers *handlers)
{
	*serial = (struct kt_serial){ .handlers = *handlers,
				      .divisor = { 12 }, /* 9600 baud */
				      .thre_pending = true };
}

/* The highest of the interrupts that are enabled and pending, as IIR tells it. */
static uint8_t interrupt_id(const struct kt_serial *serial)
{
	if ((serial->ier & UART_IER_RLSI) && serial->overrun)
		return UART_IIR_RLSI;
	if ((serial->ier & UART_IER_RDI) && serial->rx_len)
		return UART_IIR_RDI;
	if ((serial->ier & UART_IER_THRI) && serial->thre_pending)
		return UART_IIR_THRI;
	if ((serial->ier & UART_IER_MSI) && serial->msr_delta)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* On a PC the interrupt goes through OUT2, which loopback disconnects. */
static void update_irq(struct kt_serial *serial)
{
	bool connected = (serial->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;
	bool level = connected && interrupt_id(serial) != UART_IIR_NO_INT;

	if (level == serial->irq)
		return;
	serial->irq = level;
	serial->handlers.on_irq(serial->handlers.arg, level);
}

/* In loopback the four outputs are the four inputs. */
static uint8_t modem_lines(uint8_t mcr)
{
	if (!(mcr & UART_MCR_LOOP))
		return MODEM_LINES;
	return (mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) | (mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
	       (mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

/* Each change of a line sets its delta bit; of RI only the fall does. */
static void write_mcr(struct kt_serial *serial, uint8_t value)
{
	uint8_t before = modem_lines(serial->mcr), after = modem_lines(value & MCR_BITS);
	uint8_t changed = before ^ after;

	serial->msr_delta |= (uint8_t)((changed & ~UART_MSR_RI) >> 4);
	if (changed & before & UART_MSR_RI)
		serial->msr_delta |= UART_MSR_TERI;
	serial->mcr = value & MCR_BITS;
}

static void receive(struct kt_serial *serial, uint8_t byte)
{
	if (serial->rx_len < (serial->fifo ? KT_SERIAL_FIFO : 1))
		serial->rx[serial->rx_len++] = byte;
	else
		serial->overrun = true;
}

/* Full, and empty again in the same instant: a fall and a rise of the line. */
static void transmit(struct kt_serial *serial, const uint8_t *data, size_t len)
{
	serial->thre_pending = false;
	update_irq(serial);
	if (serial->mcr & UART_MCR_LOOP)
		for (size_t i = 0; i < len; i++)
			receive(serial, data[i]);
	else
		serial->handlers.on_output(serial->handlers.arg, data, len);
	serial->thre_pending = true;
}

static uint8_t read_rbr(struct kt_serial *serial)
{
	uint8_t byte = serial->rx[0];

	if (!serial->rx_len)
		return 0;
	memmove(serial->rx, serial->rx + 1, --serial->rx_len);
	return byte;
}

static uint8_t read_iir(struct kt_serial *serial)
{
	uint8_t id = interrupt_id(serial);

	/* Being told of an empty transmitter is what ends this interrupt. */
	if (id == UART_IIR_THRI)
		serial->thre_pending = false;
	return id | (serial->fifo ? UART_IIR_FIFO_ENABLED_16550A : 0);
}

static uint8_t read_lsr(struct kt_serial *serial)
{
	uint8_t lsr = UART_LSR_THRE | UART_LSR_TEMT | (serial->rx_len ? UART_LSR_DR : 0) |
		      (serial->overrun ? UART_LSR_OE : 0);

	serial->overrun = false;
	return lsr;
}

static uint8_t read_msr(struct kt_serial *serial)
{
	uint8_t msr = modem_lines(serial->mcr) | serial->msr_delta;

	serial->msr_delta = 0;
	return msr;
}

static uint8_t read_register(struct kt_serial *serial, unsigned int reg)
{
	if (reg <= UART_DLM && (serial->lcr & UART_LCR_DLAB))
		return serial->divisor[reg];
	switch (reg) {
	case UART_RX:
		return read_rbr(serial);
	case UART_IER:
		return serial->ier;
	case UART_IIR:
		return read_iir(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return read_lsr(serial);
	case UART_MSR:
		return read_msr(serial);
	case UART_SCR:
		return serial->scr;
	default:
		return 0xff; /* as a port where nothing is */
	}
}

uint8_t kt_serial_read(struct kt_serial *serial, unsigned int reg)
{
	uint8_t value = read_register(serial, reg);

	update_irq(serial);
	return value;
}

static void write_ier(struct kt_serial *serial, uint8_t value)
{
	/* Enabling it with an empty transmitter asserts it anew; Linux tests for that. */
	if (value & ~serial->ier & UART_IER_THRI)
		serial->thre_pending = true;
	serial->ier = value & IER_BITS;
}

static void write_fcr(struct kt_serial *serial, uint8_t value)
{
	bool fifo = value & UART_FCR_ENABLE_FIFO;

	/* Switching between the modes empties the receiver, too. */
	if (fifo != serial->fifo || (value & UART_FCR_CLEAR_RCVR))
		serial->rx_len = 0;
	serial->fifo = fifo;
}

static void write_register(struct kt_serial *serial, unsigned int reg, uint8_t value)
{
	if (reg <= UART_DLM && (serial->lcr & UART_LCR_DLAB)) {
		serial->divisor[reg] = value;
		return;
	}
	switch (reg) {
	case UART_IER:
		write_ier(serial, value);
		break;
	case UART_FCR:
		write_fcr(serial, value);
		break;
	case UART_LCR:
		serial->lcr = value;
		break;
	case UART_MCR:
		write_mcr(serial, value);
		break;
	case UART_SCR:
		serial->scr = value;
		break;
	}
}

void kt_serial_write(struct kt_serial *serial, unsigned int reg, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	if (!len)
		return;
	if (reg == UART_TX && !(serial->lcr & UART_LCR_DLAB))
		transmit(serial, bytes, len);
	else
		for (size_t i = 0; i < len; i++)
			write_register(serial, reg, bytes[i]);
	update_irq(serial);
}
