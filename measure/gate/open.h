/* SPDX-License-Identifier: GPL-2.0-only */
/* Selecting the machines of a gate by guest and accelerator. */
#pragma once

#include "measure/gate/machines.h"

/* Returns 0, KT_GATE_E_UNFIT or a negative errno, both with diag. */
int kt_gate_machines_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
			  struct kt_diag *diag) _kt_must_check_;
