/* SPDX-License-Identifier: GPL-2.0-only */
/* The topology that Linux reports; see view.h. */
#include "init/init.h"
#include "init/sysfs.h"
#include "init/view.h"

/* In the encoding of TOPOLOGY. */
static uint8_t cpus[KT_CPUS_MAX * KT_CPU_PLACE_BYTES];
static uint8_t nodes[KT_NODES_MAX * KT_NODE_VIEW_BYTES];
static struct kt_nodes_view view;
static size_t cpu_count;

static struct kt_cpu_place places[KT_CPUS_MAX];

const struct kt_cpu_place *kt_pid1_places(const struct kt_pid1 *pid1, unsigned int *ret_count)
{
	*ret_count = (unsigned int)cpu_count;
	return places;
}

int kt_view_take(void)
{
	KT_TRY(kt_topology_read(places, KT_CPUS_MAX, &cpu_count, "/sys/devices/system/cpu"));
	KT_TRY(kt_nodes_read(&view, "/sys/devices/system/node"));
	for (size_t i = 0; i < cpu_count; i++)
		kt_cpu_place_write(cpus + i * KT_CPU_PLACE_BYTES, &places[i]);
	for (size_t i = 0; i < view.count; i++)
		kt_node_view_write(nodes + i * KT_NODE_VIEW_BYTES, &view.nodes[i]);
	return 0;
}

void kt_view_send(struct kt_pid1 *pid1)
{
	struct kt_msg msg = { .type = KT_MSG_TOPOLOGY };

	msg.topology.cpus = (struct kt_bytes){ cpus, (uint32_t)(cpu_count * KT_CPU_PLACE_BYTES) };
	msg.topology.nodes =
		(struct kt_bytes){ nodes, (uint32_t)(view.count * KT_NODE_VIEW_BYTES) };
	msg.topology.distances =
		(struct kt_bytes){ view.distances, (uint32_t)(view.count * view.count) };
	kt_pid1_send(pid1, &msg);
}
