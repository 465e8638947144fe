/* SPDX-License-Identifier: GPL-2.0-only */
/* Conversion of a cell's machine to the config of the VMM. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "scenario/cell.h"
#include "vmm/vm.h"

/*
 * initrd_fd: borrowed as in kt_vm_spec; -1: not known yet. Returns as kt_vm_config_init(): 0, or
 * KT_VM_E_SPEC or a negative errno, both with diag.
 */
int kt_machine_config(struct kt_vm_config *ret_config, const struct kt_cell_machine *machine,
		      int initrd_fd, struct kt_diag *diag) _kt_must_check_;
