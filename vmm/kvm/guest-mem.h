/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory for devices: a table of regions, each contiguous in the guest and in
 * ktest. The guest chooses addresses, so an address outside RAM is a condition, never a
 * fault. vCPUs run meanwhile: a value must be read once, into the caller's memory, and judged
 * there.
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
	const struct kt_guest_region *regions; /* borrowed; sorted by address, without overlap */
	size_t count;
};

/* Whether all len bytes from gpa on are RAM. The range may cross regions that touch. */
bool kt_guest_mem_has(const struct kt_guest_mem *mem, kt_gpa_t gpa, uint64_t len);

/* Copies len bytes. KT_VM_E_RANGE: nothing was copied. */
int kt_guest_mem_read(const struct kt_guest_mem *mem, kt_gpa_t gpa, void *buf,
		      size_t len) _kt_must_check_;
int kt_guest_mem_write(const struct kt_guest_mem *mem, kt_gpa_t gpa, const void *buf,
		       size_t len) _kt_must_check_;

/*
 * Loads or stores a little-endian word that the guest uses at the same time: as a whole, with
 * acquire or release order. KT_VM_E_RANGE: the address is odd, or is not RAM.
 */
int kt_guest_mem_load_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa,
			  uint16_t *ret_value) _kt_must_check_;
int kt_guest_mem_store_u16(const struct kt_guest_mem *mem, kt_gpa_t gpa,
			   uint16_t value) _kt_must_check_;
