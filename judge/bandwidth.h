/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges whether cgroups kept to their cpu.max. */
#pragma once

#include "judge/record.h"
#include "scenario/cell.h"

/*
 * Adds a finding to rec for the cgroup that exceeded its cpu.max most. A kernel that does not
 * tell sched_ext schedulers of cpu.max (before Linux 6.17) makes it unclear. Negative errno.
 */
int kt_bandwidth_judge(struct kt_run_record *rec, const struct kt_cell *cell) _kt_must_check_;
