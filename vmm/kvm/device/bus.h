/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the guest's port and MMIO accesses go. A device registers a trap, a
 * range of addresses with a function, before the machine starts; from then on
 * the table does not change and vCPUs look it up without a lock. What nobody
 * has claimed behaves as an empty bus: reads give all ones, writes vanish.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_BUS_TRAPS_MAX 64	  /* ranges in one space */
#define KT_BUS_PORTS	 0x10000u /* Intel SDM vol. 1, 19.3: the I/O address space is 64 KiB */

enum kt_bus_space {
	KT_BUS_PORT,
	KT_BUS_MMIO,
	KT_BUS_SPACE_COUNT_,
};

struct kt_bus_access {
	unsigned int vcpu;
	bool is_write;
	uint64_t offset;  /* of the first byte, from the trap's start; all of it is in the range */
	unsigned int len; /* 1 to 8 bytes */
	uint8_t *data;	  /* borrowed; little-endian. A read finds ones here and overwrites them */
};

/*
 * Called on the thread of the vCPU, possibly on several at once: what it changes
 * needs a lock of its own. Everything in the access is the guest's choice. The
 * vCPU cannot be frozen until it returns.
 */
typedef void (*kt_bus_fn)(void *arg, const struct kt_bus_access *access);

struct kt_bus_trap {
	uint64_t start, len;
	kt_bus_fn fn;
	void *arg; /* borrowed as long as the bus lives */
};

struct kt_bus {
	struct kt_bus_trap traps[KT_BUS_SPACE_COUNT_][KT_BUS_TRAPS_MAX]; /* by address */
	size_t counts[KT_BUS_SPACE_COUNT_];
};

enum kt_bus_condition {
	KT_BUS_E_RANGE = KT_CONDITION(BUS), /* empty, or beyond the end of the space */
	KT_BUS_E_OVERLAP,		    /* part of the range is claimed already */
	KT_BUS_E_FULL,			    /* KT_BUS_TRAPS_MAX ranges */
};

/* Registers a trap (copied). 0 or a condition, which changes nothing. */
int kt_bus_add(struct kt_bus *bus, enum kt_bus_space space,
	       const struct kt_bus_trap *trap) _kt_must_check_;

/*
 * One access of the guest. access->offset is the address in the space. Returns
 * whether a trap took it; one that lies partly outside of its trap is not taken.
 */
bool kt_bus_access(const struct kt_bus *bus, enum kt_bus_space space,
		   const struct kt_bus_access *access);
