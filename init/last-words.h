/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of PID 1, which never returns and always reports its cause. */
#pragma once

#include "init/init.h"

/*
 * Installs handlers that report a fatal signal on the console and, if open, the control
 * channel. Borrows pid1 for ever. Negative errno.
 */
int kt_last_words_init(struct kt_pid1 *pid1) _kt_must_check_;

/* Reports on control channel and console that `doing` failed because of `cause`; powers off. */
_Noreturn void kt_init_fail(struct kt_pid1 *pid1, const char *doing, const char *cause, ...)
	__attribute__((format(printf, 3, 4)));

/* Sends the queue to the host, waits for its STOP, and powers off. */
_Noreturn void kt_init_finish(struct kt_pid1 *pid1);
