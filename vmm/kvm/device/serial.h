/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A serial port for the guest's console, as far as Linux's 8250 driver probes and uses
 * it (drivers/tty/serial/8250/8250_port.c). A byte is sent when it is written, so the
 * transmitter is always empty. The port receives only the bytes of its own loopback mode.
 *
 * Registers: National Semiconductor PC16550D data sheet, section 8; names of bits:
 * <linux/serial_reg.h>.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KT_SERIAL_PORTS 8
#define KT_SERIAL_FIFO	16 /* bytes in the receiver */

struct kt_serial_handlers {
	/* Bytes for the console; data is borrowed for the call. */
	void (*on_output)(void *arg, const void *data, size_t len);
	/* The interrupt line changed; an edge-triggered interrupt is raised by level true. */
	void (*on_irq)(void *arg, bool level);
	void *arg; /* borrowed */
};

struct kt_serial {
	struct kt_serial_handlers handlers;
	uint8_t divisor[2];
	uint8_t ier;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t msr_delta; /* changes of the modem lines since MSR was read */
	uint8_t scr;
	bool fifo;	   /* enabled */
	bool overrun;	   /* a received byte was lost */
	bool thre_pending; /* the transmitter became empty, and the driver has not seen it yet */
	bool irq;	   /* level of the line */
	uint8_t rx_len;	   /* bytes in rx */
	uint8_t rx[KT_SERIAL_FIFO];
};

/* Sets the state after power-on. */
void kt_serial_init(struct kt_serial *serial, const struct kt_serial_handlers *handlers);

/* Reads register reg, 0 to KT_SERIAL_PORTS - 1. */
uint8_t kt_serial_read(struct kt_serial *serial, unsigned int reg);

/* Writes len bytes to register reg one after the other, as a string instruction does. */
void kt_serial_write(struct kt_serial *serial, unsigned int reg, const void *data, size_t len);
