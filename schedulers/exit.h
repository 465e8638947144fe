/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a scheduler, as ops.exit received it from the kernel. BPF code writes the record into
 * global variable `exit_info`, and the loader reads it. Include it after the basic types
 * (vmlinux.h or <linux/types.h>).
 */
#pragma once

#define KTS_REASON_MAX 128
#define KTS_MSG_MAX    1024

struct kts_exit_info {
	__u32 kind;	 /* enum scx_exit_kind; 0 while the scheduler lives */
	__s64 exit_code; /* code of the code that ended the scheduler */
	char reason[KTS_REASON_MAX];
	char msg[KTS_MSG_MAX];
};
