/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs that measure have in common. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "kernel/kernel.h"
#include "measure/measured.h"
#include "runner/run.h"

/* A whole number from 1 to max, of digits alone; 0 if it is none. */
uint64_t cli_parse_count(const char *text, uint64_t max);
/* A seed, from 0 to INT64_MAX; false if it is none. */
bool cli_parse_seed(const char *text, uint64_t *ret_seed);

/* Whether one has come. */
bool cli_is_cancelled(int cancel_fd);

/* What is to run machines; says in one line why it is not kvm. 0, or diag is set. */
int cli_choose_accel(const char *verb, enum kt_accel *ret_accel, enum kt_accel wanted,
		     struct kt_diag *diag);

/* Notes machine, topology and kernel (NULL: none) in a report. */
void cli_note_machine(struct kt_measured *measured, enum kt_accel accel, const char *topology,
		      const struct kt_kernel *kernel);

/*
 * Writes the file, if there is to be one, and prints the tables, as they would be
 * printed of it. Prints what goes wrong and returns an exit status.
 */
int cli_report(const struct kt_measured *measured, const char *artifact);
/* Prints tables and plots. */
int cli_show(const struct kt_measured *measured);
