/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On which CPUs the ops of a scenario let its workers be, at any time of their life: by
 * cpusets, of their cgroup and those above it, by affinity and by hotplug. It is found out
 * from the declaration alone.
 */
#pragma once

#include "ops/cpus.h"
#include "proto/topology.h"
#include "scenario/scenario.h"

/*
 * All CPUs where it cannot be told: a body can do anything, more cgroups than KT_OPS_MAX are
 * not followed, and no op may start them.
 */
struct kt_cpu_mask kt_scenario_allowed(const struct kt_scenario *s,
				       const struct kt_workers *workers,
				       const struct kt_topology *topo);
