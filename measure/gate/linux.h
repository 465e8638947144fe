/* SPDX-License-Identifier: GPL-2.0-only */
/* Clones of Linux machines for the gate, probed by init's ":probe" (init/slot/probe.h). */
#pragma once

#include "measure/gate/machines.h"

/* UNFIT or negative errno, with diag. */
int kt_gate_linux_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;
