/* SPDX-License-Identifier: GPL-2.0-only */
/* Common to all machines of the gate: images, and the files kept of a failure. */
#pragma once

#include "base/buf.h"
#include "measure/gate/machines.h"
#include "vmm/image/bake.h"

/* Every condition of another folder, whose diag is set already, becomes KT_GATE_E_FAILED. */
static inline int kt_gate_failed(int r)
{
	return r > 0 ? KT_GATE_E_FAILED : kt_forward(r);
}

/*
 * Saves a frozen machine of one node and opens the image. The folder is removed at once, so that
 * the kernel frees the files with the end of the process. Returns 0, KT_GATE_E_FAILED or a
 * negative errno, both with diag.
 */
int kt_gate_save(struct kt_bake **ret_bake, struct kt_vm *vm, const struct kt_vm_config *config,
		 struct kt_diag *diag) _kt_must_check_;

/* All borrowed. */
struct kt_gate_kept {
	const struct kt_buf *console;
	const struct kt_bake *bake;
	struct kt_vm *vm; /* frozen or ended; NULL: none */
};

/* Writes console.log, the image's files and registers.txt into dir. Results: kt_gate_save()'s. */
int kt_gate_keep(const struct kt_gate_kept *kept, const char *dir,
		 struct kt_diag *diag) _kt_must_check_;
