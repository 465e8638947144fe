/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guests of tests/vm and their host agree on. */
#pragma once

/* memory.S writes to these addresses: edges of two nodes of 1.5 GiB, and of the hole. */
#define KT_GUEST_ADDRESSES \
	0x400000, 0x5ffffff8, 0x60000000, 0x7ffffff8, 0x100000000, 0x100100000, 0x13ffffff8
#define KT_GUEST_MAGIC 0x6b74657374a5a5a5

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Word i of a page that the guest of vm-guest.c filled and named key. */
#define KT_GUEST_PATTERN(key, i) \
	(UINT64_C(0x6b74657374000000) + (uint64_t)(key)*0x10000 + (uint64_t)(i))
#endif
