/* SPDX-License-Identifier: GPL-2.0-only */
/* What all machines of the gate have in common: images, phases, what is kept of a failure. */
#pragma once

#include "base/buf.h"
#include "measure/gate/machines.h"
#include "vmm/image/bake.h"

void kt_gate_add_phase(struct kt_gate_phases *phases, const char *name, uint64_t ns);
/* The phases of the last restore or rewind of a machine, as far as its accelerator has them. */
void kt_gate_add_restore(struct kt_gate_phases *phases, const struct kt_vm *vm);

/*
 * Saves a machine of one node that is frozen. Nobody else needs that image, so that its
 * folder is removed as soon as it is open: the files go with the gate, whatever ends it.
 * KT_GATE_E_FAILED or negative errno, with diag.
 */
int kt_gate_save(struct kt_bake **ret_bake, struct kt_vm *vm, const struct kt_vm_config *config,
		 struct kt_diag *diag) _kt_must_check_;

/* All borrowed. */
struct kt_gate_kept {
	const struct kt_buf *console;
	const struct kt_bake *bake;
	struct kt_vm *vm; /* frozen, or ended; NULL if there is none */
};

/* Writes console.log, the image's files and registers.txt into a folder. */
int kt_gate_keep(const struct kt_gate_kept *kept, const char *dir,
		 struct kt_diag *diag) _kt_must_check_;
