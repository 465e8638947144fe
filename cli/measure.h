/* SPDX-License-Identifier: GPL-2.0-only */
/* Common to `ktest bench` and `ktest gate`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "kernel/kernel.h"
#include "measure/measured.h"
#include "runner/run.h"

/* Whether cancel_fd is readable. */
bool cli_is_cancelled(int cancel_fd);

/* Copies accelerator, topology and kernel (NULL: none) to a report. */
void cli_note_machine(struct kt_measured *measured, enum kt_accel accel, const char *topology,
		      const struct kt_kernel *kernel);

/*
 * Writes the report to the file `artifact` (NULL: none), and prints its tables. Prints errors.
 * Returns an exit status.
 */
int cli_report(const struct kt_measured *measured, const char *artifact);
/* Prints tables and plots of a report. Returns an exit status. */
int cli_show(const struct kt_measured *measured);
