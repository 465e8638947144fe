/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines for the gate that run the micro guest (measure/guest/gate-guest.c) instead of Linux.
 * The micro guest runs on any host with /dev/kvm, also where KVM emulates kernel mode.
 */
#pragma once

#include "measure/gate/machines.h"

/* Returns 0, KT_GATE_E_UNFIT or a negative errno, both with diag. */
int kt_gate_micro_open(struct kt_gate_machines *ret_machines, const struct kt_gate_spec *spec,
		       struct kt_diag *diag) _kt_must_check_;

/* For tests that make the probe fail; arg is kt_gate_machines.arg. */

/* The held machine, frozen before its probe; NULL: none. */
struct kt_vm *kt_gate_micro_vm(void *arg);
/* Sets the longest time without progress of the guest before the probe fails. */
void kt_gate_micro_patience(void *arg, uint64_t ns);
