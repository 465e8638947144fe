/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux guests for the gate. What is restored is saved for the cell: a clone of a
 * bake, in which the probe's pattern was written and the load was started. It is
 * kept in the cache of bakes.
 */
#pragma once

#include "runner/gate-machines.h"

/* As kt_gate_machines_open(). */
int kt_gate_linux_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;
