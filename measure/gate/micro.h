/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clones of a guest of ktest's own for the gate (measure/guest/gate-guest.c), on any host with a
 * /dev/kvm: it needs nothing that an emulated kernel mode does not have.
 */
#pragma once

#include "measure/gate/machines.h"

/* UNFIT or negative errno, with diag. */
int kt_gate_micro_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;

/* For tests that make the probe fail; arg is that of the machines. */

/* The machine that is held, frozen before its probe; NULL if there is none. */
struct kt_vm *kt_gate_micro_vm(void *arg);
/* For how long something may stand still that should go on. */
void kt_gate_micro_patience(void *arg, uint64_t ns);
