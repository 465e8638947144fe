/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one thing of the keyboard controller that a machine without keyboard
 * needs: Linux resets through it (arch/x86/kernel/reboot.c, reboot=k), after
 * waiting for it to be ready for a command. It always is, and never has data.
 */
#pragma once

#include <stdint.h>

/* The data port and the status and command port; ISA. */
#define KT_I8042_DATA	 0x60
#define KT_I8042_COMMAND 0x64

/* Pulses output line 0, which is wired to the processors' reset. */
#define KT_I8042_CMD_RESET 0xfe

struct kt_i8042 {
	void (*on_reset)(void *arg); /* the guest resets the machine */
	void *arg;		     /* borrowed */
};

/* One byte of either port. Status 0: neither buffer is full. */
uint8_t kt_i8042_read(const struct kt_i8042 *i8042, uint16_t port);
void kt_i8042_write(const struct kt_i8042 *i8042, uint16_t port, uint8_t value);
