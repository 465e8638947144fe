/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel image file, mapped: vmlinux as it is, bzImage unpacked. Whoever
 * reads a kernel's sections (its fitness here, symbols and BTF elsewhere) opens
 * it through this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/elf.h"

struct kt_image {
	struct kt_elf elf; /* over the mapping below */
	uint8_t *data;	   /* private mapping; NULL: not open */
	size_t size;
	char release[KT_NAME_MAX]; /* "" if it cannot be told */
};

enum kt_image_condition {
	KT_IMAGE_E_NONE = KT_CONDITION(IMAGE), /* no such file */
	KT_IMAGE_E_BAD, /* not a kernel image that ktest can unpack and read; diag says why */
};

#define KT_IMAGE_INIT ((struct kt_image){ .data = NULL })

/* Conditions NONE and BAD, with diag. */
int kt_image_open(struct kt_image *ret_image, const char *path,
		  struct kt_diag *diag) _kt_must_check_;
void kt_image_close(struct kt_image *image);

/*
 * The release in the image's banner ("Linux version 6.12.1 ..."), looked for in
 * size bytes; "" if there is none. Does not need a symbol table.
 */
void kt_image_release(const void *data, size_t size, char ret_release[KT_NAME_MAX]);

/*
 * Whether the BTF describes a struct of that name. Condition BAD: not BTF, with
 * diag.
 */
int kt_image_has_struct(const struct kt_elf_section *btf, const char *name, bool *ret_has,
			struct kt_diag *diag) _kt_must_check_;
