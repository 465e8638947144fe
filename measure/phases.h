/* SPDX-License-Identifier: GPL-2.0-only */
/* The named parts of a time, in the order in which they passed. */
#pragma once

#include <stdint.h>

#include "vmm/vm.h"

#define KT_PHASES_MAX 12

struct kt_phases {
	struct {
		const char *name; /* static: "map", "devices", ..., "ready", "probe" */
		uint64_t ns;
	} list[KT_PHASES_MAX];
	unsigned int count;
};

/* Adds a phase; ignored beyond KT_PHASES_MAX. */
void kt_phases_add(struct kt_phases *phases, const char *name, uint64_t ns);
/*
 * Adds the phases of the machine's latest restore or rewind that its accelerator reports.
 * Returns their sum, ns.
 */
uint64_t kt_phases_add_restore(struct kt_phases *phases, const struct kt_vm *vm);
