/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of interactive commands: a virtio console beside the kernel's console. */
#pragma once

#include "proto/msg.h"

#define KT_TERMINAL "/dev/hvc0"

/*
 * In the process of a slot, which leads a session: makes the terminal stdin, stdout, stderr and
 * controlling terminal, so that Ctrl-C becomes SIGINT. 0, or -1 with errno.
 */
int kt_terminal_take(void);

/* Sets the terminal's size; the foreground process group gets SIGWINCH. */
void kt_terminal_resize(const struct kt_msg_winsize *size);
