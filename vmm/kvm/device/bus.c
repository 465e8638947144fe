/* SPDX-License-Identifier: GPL-2.0-only */
/* Traps for port and MMIO accesses; see bus.h. */
#include <string.h>

#include "vmm/kvm/device/bus.h"

/* The number of traps that start at or below addr. */
static size_t count_up_to(const struct kt_bus *bus, enum kt_bus_space space, uint64_t addr)
{
	size_t low = 0, high = bus->counts[space];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bus->traps[space][middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool in_space(enum kt_bus_space space, const struct kt_bus_trap *trap)
{
	uint64_t last = space == KT_BUS_PORT ? KT_BUS_PORTS - 1 : UINT64_MAX;

	return trap->len && trap->start <= last && trap->len - 1 <= last - trap->start;
}

int kt_bus_add(struct kt_bus *bus, enum kt_bus_space space, const struct kt_bus_trap *trap)
{
	struct kt_bus_trap *traps = bus->traps[space];
	size_t count = bus->counts[space], at;

	if (!in_space(space, trap))
		return KT_BUS_E_RANGE;
	if (count == KT_BUS_TRAPS_MAX)
		return KT_BUS_E_FULL;
	at = count_up_to(bus, space, trap->start);
	if (at && trap->start - traps[at - 1].start < traps[at - 1].len)
		return KT_BUS_E_OVERLAP;
	if (at < count && traps[at].start - trap->start < trap->len)
		return KT_BUS_E_OVERLAP;
	memmove(&traps[at + 1], &traps[at], (count - at) * sizeof(*traps));
	traps[at] = *trap;
	bus->counts[space]++;
	return 0;
}

static const struct kt_bus_trap *find(const struct kt_bus *bus, enum kt_bus_space space,
				      const struct kt_bus_access *access)
{
	size_t at = count_up_to(bus, space, access->offset);
	const struct kt_bus_trap *trap;
	uint64_t offset;

	if (!at)
		return NULL;
	trap = &bus->traps[space][at - 1];
	offset = access->offset - trap->start;
	return offset < trap->len && access->len <= trap->len - offset ? trap : NULL;
}

bool kt_bus_access(const struct kt_bus *bus, enum kt_bus_space space,
		   const struct kt_bus_access *access)
{
	const struct kt_bus_trap *trap = find(bus, space, access);
	struct kt_bus_access inside = *access;

	if (!access->is_write)
		memset(access->data, 0xff, access->len);
	if (!trap)
		return false;
	inside.offset -= trap->start;
	trap->fn(trap->arg, &inside);
	return true;
}
