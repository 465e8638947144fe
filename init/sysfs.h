/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine as Linux shows it in /sys/devices/system. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "proto/msg.h"

/*
 * Reads the place of each online CPU, at most max, in order of CPU id, from
 * `root` (the cpu folder of sysfs). An LLC is a shared level-3 cache; where the
 * machine shows none, it is the physical package. -EINVAL on text that cannot
 * be read as what it should be.
 */
int kt_topology_read(struct kt_cpu_place *ret_places, size_t max, size_t *ret_count,
		     const char *root) _kt_must_check_;

struct kt_nodes_view {
	struct kt_node_view nodes[KT_NODES_MAX];	/* those online, in order of their ids */
	uint8_t distances[KT_NODES_MAX * KT_NODES_MAX]; /* count * count, row by row */
	size_t count;
};

/*
 * Reads the NUMA nodes from `root` (the node folder of sysfs); none if there is
 * no such folder, of a kernel without NUMA. -EINVAL as above, also on more nodes
 * or other distances than there can be.
 */
int kt_nodes_read(struct kt_nodes_view *ret_view, const char *root) _kt_must_check_;

/* The lowest CPU of a list like "0-3,8"; -EINVAL if it is none. */
int kt_cpulist_first(const char *list) _kt_must_check_;
