/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPUs on which a scenario's ops allow workers to run at some time of their life: by
 * cpusets of their cgroup and its ancestors, by affinity and by hotplug. Computed from the
 * declaration alone.
 */
#pragma once

#include "ops/cpus.h"
#include "proto/topology.h"
#include "scenario/scenario.h"

/*
 * The allowed CPUs of a group of workers. All CPUs if the declaration does not tell: in a
 * scenario with a body, with more than KT_OPS_MAX cgroups, or without an op that starts the
 * group.
 */
struct kt_cpu_mask kt_scenario_allowed(const struct kt_scenario *s,
				       const struct kt_workers *workers,
				       const struct kt_topology *topo);
