/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF image of an x86-64 kernel, in memory and not to be trusted: header and
 * section table are checked once, and every section handed out lies inside the
 * image. Works in place; nothing is allocated.
 */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

/* Hex digits of the longest build id kept, and a 0. */
#define KT_BUILD_ID_TEXT 41

struct kt_elf {
	const uint8_t *image; /* borrowed for as long as this is used */
	size_t size;
	Elf64_Ehdr header;
	const char *names; /* section names, in the image */
	size_t names_size;
};

struct kt_elf_section {
	Elf64_Shdr header;
	const uint8_t *data; /* in the image; NULL if it has no bytes there (SHT_NOBITS) */
	size_t size;
};

enum kt_elf_condition {
	KT_ELF_E_BAD = KT_CONDITION(ELF), /* not such an image; diag's cause names the field */
	KT_ELF_E_ABSENT,		  /* no such section */
};

/* Condition BAD. */
int kt_elf_open(struct kt_elf *ret_elf, const void *image, size_t size,
		struct kt_diag *diag) _kt_must_check_;

/* The first section of that name. Conditions ABSENT, and BAD if it leaves the image. */
int kt_elf_section(const struct kt_elf *elf, const char *name,
		   struct kt_elf_section *ret_section) _kt_must_check_;

/*
 * The GNU build id in hex, cut after 20 bytes; reads the notes of every note
 * section. Condition ABSENT, without touching ret_text.
 */
int kt_elf_build_id(const struct kt_elf *elf, char ret_text[KT_BUILD_ID_TEXT]) _kt_must_check_;
