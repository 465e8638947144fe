/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes the RAM of a clone back to its bake, by dropping the pages that were written to
 * (vmm/pagemap.h), by the guest, KVM or ktest. Dropped pages are free memory again; pages
 * that were only read stay mapped.
 */
#pragma once

#include "vmm/ram.h"

/*
 * RAM must be attached and private, and no vCPU may run. *ret_pages: pages of 4 KiB that had
 * been written to; 0: the kernel has no pagemap. Negative errno with diag.
 */
int kt_kvm_rewind_ram(const struct kt_ram *ram, uint64_t *ret_pages,
		      struct kt_diag *diag) _kt_must_check_;
/* As above, with the method for kernels before 6.7; for tests. */
int kt_kvm_rewind_ram_by_words(const struct kt_ram *ram, uint64_t *ret_pages,
			       struct kt_diag *diag) _kt_must_check_;
