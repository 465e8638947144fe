/* SPDX-License-Identifier: GPL-2.0-only */
/* Types of scx_maps' variables, for its BPF program and its loader's skeleton. */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define MAPS_ENTRIES 4

enum maps_mode { MAPS_CALM = 3, MAPS_BUSY = 1000 };

struct maps_inner {
	__u32 low : 3, high : 5;
	enum maps_mode mode;
	char word[8];
};

struct maps_value {
	__u64 number;
	struct maps_inner inner;
	union {
		__s32 minus;
		__u32 plus;
	};
	void *nothing;
};
