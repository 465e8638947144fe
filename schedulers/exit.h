/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a scheduler ended, as the kernel told its ops.exit; written by the BPF
 * side into a global named `exit_info`, read by the loader. Included by both,
 * after the basic types are known (vmlinux.h or <linux/types.h>).
 */
#pragma once

#define KTS_REASON_MAX 128
#define KTS_MSG_MAX    1024

struct kts_exit_info {
	__u32 kind;	 /* enum scx_exit_kind; 0 while the scheduler lives */
	__s64 exit_code; /* what the side that ended it wants to say */
	char reason[KTS_REASON_MAX];
	char msg[KTS_MSG_MAX];
};
