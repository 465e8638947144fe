/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory as a list of regions: bytes in ktest, parts of files (a bake's RAM), the
 * segments of an ELF core file, and parts of another process.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/error.h"
#include "monitor/memory/memory.h"
#include "proto/address.h"

enum kt_regions_condition {
	/* regions overlap, are empty, too many, or exceed the address space; with diag */
	KT_REGIONS_E_LAYOUT = KT_CONDITION(REGIONS),
	KT_REGIONS_E_CORE, /* not an ELF core file of x86-64 with its memory; with diag */
};

#define KT_REGIONS_MAX 1024

struct kt_region {
	const uint8_t *host; /* NULL: in another process */
	uint64_t remote;     /* address in that process */
	void *mapping;	     /* owned; NULL: the bytes are borrowed */
	size_t mapping_len;
};

struct kt_regions {
	struct kt_memory_range *ranges; /* owned, sorted by address */
	struct kt_region *list;		/* owned; of each range */
	size_t count;
	pid_t pid; /* of the other process; 0: none */
};

#define KT_REGIONS_INIT ((struct kt_regions){ .count = 0 })

void kt_regions_deinit(struct kt_regions *regions);

/* Each adds one region; a page of RAM lies in one region. KT_REGIONS_E_LAYOUT. */

/* data is borrowed until kt_regions_deinit(). */
int kt_regions_add_bytes(struct kt_regions *regions, kt_gpa_t start, const void *data, size_t len,
			 struct kt_diag *diag) _kt_must_check_;
/*
 * len bytes of the file from `offset` on, a multiple of the host's pages. The file must not become
 * shorter until kt_regions_deinit(); fd may be closed.
 */
int kt_regions_add_file(struct kt_regions *regions, kt_gpa_t start, int fd, off_t offset,
			size_t len, struct kt_diag *diag) _kt_must_check_;
/* len bytes at `address` in the process pid, which is the same for all regions. */
int kt_regions_add_process(struct kt_regions *regions, kt_gpa_t start, pid_t pid, uint64_t address,
			   size_t len, struct kt_diag *diag) _kt_must_check_;
/* All segments of an ELF core file, as QEMU and the kernel write them. KT_REGIONS_E_CORE. */
int kt_regions_add_core(struct kt_regions *regions, int fd, struct kt_diag *diag) _kt_must_check_;

/* The regions as a source, for kt_memory_new(). No region may be added afterwards. */
struct kt_memory_source kt_regions_source(struct kt_regions *regions);
