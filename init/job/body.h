/* SPDX-License-Identifier: GPL-2.0-only */
/* Running the body of a guest scenario in a child, and hearing its findings. */
#pragma once

#include "base/error.h"

struct kt_exec;

/* Sends a finding of init's own. */
void kt_body_finding(struct kt_exec *exec, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

struct kt_guest;
typedef void (*kt_body_fn)(struct kt_guest *kg);

/*
 * Runs a function of exec->cell.scenario, its body or its warm-up, to its end. A scheduler
 * that dies meanwhile is noted. KT_EXEC_E_STOP when the host asked for teardown; the body is
 * killed then.
 */
int kt_body_run(struct kt_exec *exec, kt_body_fn fn, const char *what) _kt_must_check_;
