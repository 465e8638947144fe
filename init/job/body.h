/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs bodies and warm-ups of scenarios in a child, and forwards findings and output. */
#pragma once

#include "base/error.h"

struct kt_pid1;

/* Sends a finding of init itself. */
void kt_body_finding(struct kt_pid1 *pid1, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

struct kt_guest;
typedef void (*kt_body_fn)(struct kt_guest *kg);

/*
 * Runs fn, the body or the warm-up of pid1->cell.scenario, and waits for its end; notes the
 * death of a scheduler meanwhile. what: "body" or "warm-up", for messages. Returns 0, negative
 * errno, or KT_PID1_E_STOP if the host asked for teardown and the child was killed.
 */
int kt_body_run(struct kt_pid1 *pid1, kt_body_fn fn, const char *what) _kt_must_check_;
