/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF image of an x86-64 kernel or of one of its modules in memory, not trusted: header and
 * section table are checked when it is opened, and every returned section lies inside the image.
 * Nothing is copied or allocated.
 */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

/* Hex digits of a build id of 20 bytes, bytes with 0. */
#define KT_BUILD_ID_TEXT 41

struct kt_elf {
	const uint8_t *image; /* borrowed for the life of the struct */
	size_t size;
	Elf64_Ehdr header;
	const char *names; /* section names; borrowed from the image */
	size_t names_size;
	const char *what; /* "kernel image" or "kernel module"; static */
};

struct kt_elf_section {
	Elf64_Shdr header;
	const uint8_t *data; /* borrowed from the image; NULL: no bytes (SHT_NOBITS) */
	size_t size;
};

enum kt_elf_condition {
	KT_ELF_E_BAD =
		KT_CONDITION(ELF), /* not what was opened, or damaged; diag names the field */
	KT_ELF_E_ABSENT,	   /* no section has this name; no build id */
};

/* Checks the image. 0 or KT_ELF_E_BAD with diag. */
int kt_elf_open(struct kt_elf *ret_elf, const void *image, size_t size,
		struct kt_diag *diag) _kt_must_check_;

/* The same for a module, which is a relocatable object; what follows it, a signature, is ignored. */
int kt_elf_open_module(struct kt_elf *ret_elf, const void *image, size_t size,
		       struct kt_diag *diag) _kt_must_check_;

/* The first section with this name. KT_ELF_E_ABSENT; KT_ELF_E_BAD: it exceeds the image. */
int kt_elf_section(const struct kt_elf *elf, const char *name,
		   struct kt_elf_section *ret_section) _kt_must_check_;

/*
 * Finds the GNU build id in all note sections; ret_text: hex digits of its first 20 bytes.
 * KT_ELF_E_ABSENT, with ret_text unchanged.
 */
int kt_elf_build_id(const struct kt_elf *elf, char ret_text[KT_BUILD_ID_TEXT]) _kt_must_check_;
