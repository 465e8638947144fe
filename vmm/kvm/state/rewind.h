/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RAM of a clone, taken back to its image. Whoever wrote to a page of a private mapping,
 * the guest, KVM or ktest itself, has made it an anonymous one: so the page tables of
 * the process are a complete list of what to throw away. There is no log that anybody
 * would have to write, no cost while the guest runs, and what is thrown away is free
 * memory again. A page that was only read stays mapped.
 */
#pragma once

#include "vmm/ram.h"

/*
 * RAM must be attached and private, and no vCPU may run. *ret_pages: pages of 4 KiB that
 * had been written to, 0 on a kernel that has no pagemap. Negative errno with diag.
 */
int kt_kvm_rewind_ram(const struct kt_ram *ram, uint64_t *ret_pages,
		      struct kt_diag *diag) _kt_must_check_;
/* The same as it is done on kernels before 6.7; for the tests of it. */
int kt_kvm_rewind_ram_by_words(const struct kt_ram *ram, uint64_t *ret_pages,
			       struct kt_diag *diag) _kt_must_check_;
