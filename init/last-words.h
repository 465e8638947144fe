/* SPDX-License-Identifier: GPL-2.0-only */
/* How PID 1 ends: it never returns, and it always says why. */
#pragma once

#include "init/init.h"

/*
 * From here on a fatal signal is reported on the channel, if it is open, and on
 * the console. exec is borrowed for good.
 */
int kt_last_words_init(struct kt_exec *exec) _kt_must_check_;

/* Says on channel and console that `doing` failed, and powers off. */
_Noreturn void kt_init_fail(struct kt_exec *exec, const char *doing, const char *cause, ...)
	__attribute__((format(printf, 3, 4)));

/* Hands everything that is queued to the host, waits until it has it, and powers off. */
_Noreturn void kt_init_finish(struct kt_exec *exec);
