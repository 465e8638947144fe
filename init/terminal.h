/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of interactive commands: a virtio console that is not the kernel's. */
#pragma once

#include "proto/msg.h"

#define KT_TERMINAL "/dev/hvc0"

/*
 * In the process of a slot, which leads a session: the terminal becomes its
 * standard streams and its controlling terminal, so that Ctrl-C is a signal.
 * 0, or -1 with errno.
 */
int kt_terminal_take(void);

/* Sets its size; what runs in the foreground gets SIGWINCH. */
void kt_terminal_resize(const struct kt_msg_winsize *size);
