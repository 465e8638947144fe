/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups and CPUs in the guest. What a scenario adds is below a cgroup of its own,
 * each of which has the controllers of its parent.
 */
#pragma once

#include <sys/types.h>

#include "ops/cpus.h"
#include "ops/exec.h"
#include "ops/op.h"

#define KT_CGROUP_ROOT	   "/sys/fs/cgroup"
#define KT_CGROUP_KTEST	   KT_CGROUP_ROOT "/ktest"
#define KT_CGROUP_SCENARIO KT_CGROUP_KTEST "/scenario"

#define KT_CGROUP_FREEZE_NS (10 * UINT64_C(1000000000))

/* Gives the children of the cgroup at path every controller that it has itself. */
int kt_cgroup_enable(const char *path) _kt_must_check_;

/* Puts a process into a cgroup of the scenario. KT_OP_OK, or the error with its reason in text. */
enum kt_op_error kt_cgroup_move(const char *cgroup, pid_t pid, char *text);

/* Which CPUs of this machine these are. */
enum kt_op_error kt_cpus_find(struct kt_cpu_mask *ret_mask, const struct kt_cpus *cpus,
			      struct kt_exec *exec, char *text);
