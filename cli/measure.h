/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs that measure have in common. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "kernel/kernel.h"
#include "measure/measured.h"
#include "runner/run.h"

/* Whether one has come. */
bool cli_is_cancelled(int cancel_fd);

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
