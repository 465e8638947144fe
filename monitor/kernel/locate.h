/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a running x86-64 kernel is: in guest-physical memory, in the text mapping (KASLR) and in
 * the direct map. Nothing of it is guessed and no register is needed: the kernel's banner
 * (linux_banner) is searched for in memory, and what follows from a find counts only if the
 * kernel's own page tables (init_top_pgt) lead to the same bytes.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/elf.h"
#include "monitor/kernel/reader.h"
#include "monitor/kernel/symbols.h"
#include "monitor/memory/memory.h"

#define KT_BANNER_MAX 512 /* bytes with 0 */

enum kt_locate_condition {
	KT_LOCATE_E_NONE =
		KT_CONDITION(LOCATE), /* no running kernel with these symbols; with diag */
	KT_LOCATE_E_TYPES, /* the kernel in memory has other BTF than the types; with diag */
};

struct kt_locate_spec {
	const char *banner; /* linux_banner as the image has it; NULL: any banner will do */
	uint64_t cr3;	    /* of a vCPU, to be used if the kernel has no init_top_pgt; 0: none */
};

struct kt_location {
	kt_gpa_t text;		    /* of symbol _text */
	uint64_t slide;		    /* of the text mapping, bytes; 0 also for symbols of kallsyms */
	uint64_t direct_map;	    /* address of guest-physical 0; 0: it could not be verified */
	struct kt_space space;	    /* the kernel's own */
	char banner[KT_BANNER_MAX]; /* as in memory, without its newline */
};

/*
 * Finds the kernel and places the symbols. KT_LOCATE_E_NONE: diag says what was not found. Takes
 * time in proportion to RAM: one read for each 2 MiB.
 */
int kt_locate(struct kt_memory *memory, struct kt_symbols *symbols,
	      const struct kt_locate_spec *spec, struct kt_location *ret_location,
	      struct kt_diag *diag) _kt_must_check_;

/* linux_banner of an image, by its symbols before they are placed. KT_LOCATE_E_NONE. */
int kt_locate_banner(const struct kt_elf *elf, const struct kt_symbols *symbols,
		     char ret_banner[KT_BANNER_MAX], struct kt_diag *diag) _kt_must_check_;

/*
 * Makes a reader of a located kernel. types: its BTF; the BTF in guest memory must have the same
 * header, where the kernel has symbol __start_BTF. KT_LOCATE_E_TYPES.
 */
int kt_locate_reader(struct kt_reader *ret_reader, const struct kt_location *location,
		     const struct kt_symbols *symbols, const struct kt_types *types,
		     struct kt_diag *diag) _kt_must_check_;
