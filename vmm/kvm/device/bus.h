/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bus: dispatches the guest's port and MMIO accesses. Before the machine starts, devices
 * register traps, each a range of addresses with a function; from the start on the table does
 * not change, and vCPUs read it without a lock. Addresses without a trap behave as an empty
 * bus: reads return all ones, writes have no effect.
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
	uint64_t offset;  /* from the trap's start; the access lies within the trap */
	unsigned int len; /* 1 to 8 bytes */
	uint8_t *data;	  /* borrowed; little-endian; of a read: ones, to be overwritten */
};

/*
 * Handles an access. Called on the thread of the vCPU, and on several threads at once, so
 * that data of the device needs a lock. All members of access are chosen by the guest. The
 * vCPU cannot be frozen before the function returns.
 */
typedef void (*kt_bus_fn)(void *arg, const struct kt_bus_access *access);

struct kt_bus_trap {
	uint64_t start, len;
	kt_bus_fn fn;
	void *arg; /* borrowed for the life of the bus */
};

struct kt_bus {
	struct kt_bus_trap traps[KT_BUS_SPACE_COUNT_][KT_BUS_TRAPS_MAX]; /* sorted by address */
	size_t counts[KT_BUS_SPACE_COUNT_];
};

enum kt_bus_condition {
	KT_BUS_E_RANGE = KT_CONDITION(BUS), /* the range is empty, or reaches beyond the space */
	KT_BUS_E_OVERLAP,		    /* the range overlaps another trap */
	KT_BUS_E_FULL,			    /* KT_BUS_TRAPS_MAX ranges */
};

/* Registers a trap (copied). 0, or a condition of enum kt_bus_condition and no change. */
int kt_bus_add(struct kt_bus *bus, enum kt_bus_space space,
	       const struct kt_bus_trap *trap) _kt_must_check_;

/*
 * Handles one access of the guest. access->offset: the address in the space. False: no trap
 * covers the whole access; for a read, data was not changed.
 */
bool kt_bus_access(const struct kt_bus *bus, enum kt_bus_space space,
		   const struct kt_bus_access *access);
