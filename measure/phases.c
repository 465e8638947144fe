/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of a time; see phases.h. */
#include "measure/phases.h"

void kt_phases_add(struct kt_phases *phases, const char *name, uint64_t ns)
{
	if (phases->count == KT_PHASES_MAX)
		return;
	phases->list[phases->count].name = name;
	phases->list[phases->count++].ns = ns;
}

uint64_t kt_phases_add_restore(struct kt_phases *phases, const struct kt_vm *vm)
{
	struct kt_vm_restore_times t;

	kt_vm_restore_times(vm, &t);
	kt_phases_add(phases, "map", t.map_ns);
	kt_phases_add(phases, "devices", t.devices_ns);
	if (t.vcpus_ns) {
		kt_phases_add(phases, "irqchip", t.irqchip_ns);
		kt_phases_add(phases, "vcpus", t.vcpus_ns);
		kt_phases_add(phases, "clock", t.clock_ns);
	}
	return t.map_ns + t.devices_ns + t.irqchip_ns + t.vcpus_ns + t.clock_ns;
}
