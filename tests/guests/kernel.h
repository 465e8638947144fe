/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel.S shares with the tests that boot it: guest-physical addresses. */
#pragma once

#define KT_KERNEL_COUNTER 0x200000
#define KT_KERNEL_TSC	  0x200008
#define KT_KERNEL_GO	  0x200010
#define KT_KERNEL_BUFFER  0x210000
