/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine as Linux shows it in /sys/devices/system. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "proto/msg.h"

/*
 * Reads the places of the online CPUs, at most max, sorted by number, from `root` (the cpu
 * folder of sysfs). The LLC of a CPU is its level-3 cache, or its physical package if sysfs has
 * no level-3 cache. Negative errno; -EINVAL: malformed text.
 */
int kt_topology_read(struct kt_cpu_place *ret_places, size_t max, size_t *ret_count,
		     const char *root) _kt_must_check_;

struct kt_nodes_view {
	struct kt_node_view nodes[KT_NODES_MAX];	/* online nodes, sorted by number */
	uint8_t distances[KT_NODES_MAX * KT_NODES_MAX]; /* count * count, row by row */
	size_t count;
};

/*
 * Reads the online NUMA nodes from `root` (the node folder of sysfs). Without that folder, in a
 * kernel without NUMA, count is 0. Negative errno; -EINVAL: malformed text, more than
 * KT_NODES_MAX nodes, or a distance above 255.
 */
int kt_nodes_read(struct kt_nodes_view *ret_view, const char *root) _kt_must_check_;

/* The first CPU of a list in the format of Linux, "0-3,8"; -EINVAL: malformed list. */
int kt_cpulist_first(const char *list) _kt_must_check_;
