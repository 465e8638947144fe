/* SPDX-License-Identifier: GPL-2.0-only */
/* The entry state's part of boot.h that lies in RAM: GDT and page tables. Private. */
#pragma once

#include "base/error.h"
#include "vmm/ram.h"

/* RAM is known to reach beyond conventional memory. */
int kt_kvm_boot_load_state(const struct kt_ram *ram) _kt_must_check_;
