/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory as devices see it: a table of regions, each contiguous
 * in the guest and in ktest. An address that a guest made up is a condition and
 * never a fault. The guest's vCPUs run meanwhile, so whatever is read here is
 * read once, into memory of the caller's, and judged there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmm/vm.h"

struct kt_guest_region {
	kt_gpa_t start;
	uint64_t len;
	uint8_t *host; /* borrowed; len bytes */
};

struct kt_guest_mem {
	const struct kt_guest_region *regions; /* borrowed; by address, not overlapping */
	size_t count;
};

/* Whether all of the range is RAM. A range may cross regions that touch. */
bool kt_guest_mem_has(const struct kt_guest_mem *mem, kt_gpa_t gpa, uint64_t len);

/* 0, or KT_VM_E_RANGE and nothing moved. */
int kt_guest_mem_read(const struct kt_guest_mem *mem, kt_gpa_t gpa, void *buf,
		      size_t len) _kt_must_check_;
int kt_guest_mem_write(const struct kt_guest_mem *mem, kt_gpa_t gpa, const void *buf,
		       size_t len) _kt_must_check_;

/*
 * A little-endian word that is shared with the guest, whole, with acquire and
 * release ordering. KT_VM_E_RANGE also for an odd address.
 */
int kt_guest_mem_load_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa,
			  uint16_t *ret_value) _kt_must_check_;
int kt_guest_mem_store_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa,
			   uint16_t value) _kt_must_check_;
