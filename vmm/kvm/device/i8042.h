/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reset line of the keyboard controller, through which Linux resets the machine
 * (arch/x86/kernel/reboot.c, reboot=k) once the controller is ready for a command. This
 * controller is always ready and never has data.
 */
#pragma once

#include <stdint.h>

/* The data port and the status and command port; ISA. */
#define KT_I8042_DATA	 0x60
#define KT_I8042_COMMAND 0x64

/* Pulses output line 0, the reset of the processors. */
#define KT_I8042_CMD_RESET 0xfe

struct kt_i8042 {
	void (*on_reset)(void *arg); /* the guest resets the machine */
	void *arg;		     /* borrowed */
};

/* Read or write one byte of either port. Status 0: input and output buffers are empty. */
uint8_t kt_i8042_read(const struct kt_i8042 *i8042, uint16_t port);
void kt_i8042_write(const struct kt_i8042 *i8042, uint16_t port, uint8_t value);
