/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups and CPUs in the guest. The cgroups of a scenario are below KT_CGROUP_SCENARIO; each
 * has the controllers of its parent.
 */
#pragma once

#include <sys/types.h>

#include "ops/cpus.h"
#include "ops/guest/cgroup-paths.h"
#include "ops/guest/pid1.h"
#include "ops/op.h"

#define KT_CGROUP_FREEZE_NS (10 * UINT64_C(1000000000))

enum kt_cgroup_condition {
	KT_CGROUP_E_HAS_TASKS = KT_CONDITION(CGROUP), /* a cgroup with tasks takes no children */
};

/*
 * Enables all controllers of the cgroup at `path` for its children. KT_CGROUP_E_HAS_TASKS, or
 * negative errno.
 */
int kt_cgroup_enable(const char *path) _kt_must_check_;

/* Moves process `pid` to a cgroup of the scenario. KT_OP_OK, or an error and its text. */
enum kt_op_error kt_cgroup_move(struct kt_pid1 *pid1, const char *cgroup, pid_t pid, char *text);

/* Resolves `cpus` among the CPUs of this machine. KT_OP_OK, or an error and its text. */
enum kt_op_error kt_cpus_find(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
			      struct kt_pid1 *pid1, char *text);
