/* SPDX-License-Identifier: GPL-2.0-only */
/* The keyboard controller's reset line; see i8042.h. */
#include "vmm/kvm/device/i8042.h"

uint8_t kt_i8042_read(const struct kt_i8042 *i8042, uint16_t port)
{
	return 0;
}

void kt_i8042_write(const struct kt_i8042 *i8042, uint16_t port, uint8_t value)
{
	if (port == KT_I8042_COMMAND && value == KT_I8042_CMD_RESET)
		i8042->on_reset(i8042->arg);
}
