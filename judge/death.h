/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deaths of schedulers: whether one died, what is said of it, and how it differs from the death
 * that a scenario expects. Verdicts and `ktest exec` use the same texts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge/record.h"
#include "scenario/scenario.h"

/* Size of a buffer that every text of this header fits in, bytes. */
#define KT_DEATH_TEXT_MAX (KT_TEXT_MAX + 2 * KT_NAME_MAX + 128)

/*
 * Whether the scheduler of a spawn was live and ended unasked: init saw it, or the kernel reports
 * the end of the live generation for an error that init had no time to see.
 */
bool kt_death_is(const struct kt_run_record *rec, const struct kt_sched_record *sched);

/* Each writes to buf of size bytes and returns buf. */

/* "exit status 1" or "killed by signal 11 (Segmentation fault)". status: a wait status. */
char *kt_death_status(uint32_t status, char *buf, size_t size);
/*
 * "scheduler 'x' (generation 1) died unexpectedly, 0.3 s after it attached: " and the exit
 * information of the kernel; if the loader ended the scheduler, its own end and last words.
 */
char *kt_death_describe(const struct kt_run_record *rec, const struct kt_sched_record *sched,
			char *buf, size_t size);
/* The expected death: "error-stall", "exit status 101"; with its message, if with_message. */
char *kt_death_expected(const struct kt_expected_death *expected, bool with_message, char *buf,
			size_t size);

/*
 * The part of a death that differs from the expected one: "kind", "code", "status", "signal",
 * "message"; NULL: none. "": no death is expected. Static.
 */
const char *kt_death_difference(const struct kt_expected_death *expected,
				const struct kt_run_record *rec,
				const struct kt_sched_record *sched);
