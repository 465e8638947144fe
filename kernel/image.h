/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel image file mapped into memory: vmlinux as it is, bzImage unpacked. All readers of
 * a kernel's sections (fitness, symbols, BTF) open the kernel here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/elf.h"

struct kt_image {
	struct kt_elf elf; /* borrows from data */
	uint8_t *data;	   /* private mapping, owned; NULL: not open */
	size_t size;
	char release[KT_NAME_MAX]; /* "": unknown */
};

enum kt_image_condition {
	KT_IMAGE_E_NONE = KT_CONDITION(IMAGE), /* no file has this path */
	KT_IMAGE_E_BAD,			       /* not a kernel image, with diag */
};

#define KT_IMAGE_INIT ((struct kt_image){ .data = NULL })

/* Maps the image. A kt_image_condition with diag, or negative errno. */
int kt_image_open(struct kt_image *ret_image, const char *path,
		  struct kt_diag *diag) _kt_must_check_;
void kt_image_close(struct kt_image *image);

/*
 * Finds the release in the banner ("Linux version 6.12.1 ...") within size bytes; "" without
 * a banner. Needs no symbol table.
 */
void kt_image_release(const void *data, size_t size, char ret_release[KT_NAME_MAX]);

struct btf;
/*
 * Parses section .BTF into *ret_btf, which the caller frees by btf__free(). KT_IMAGE_E_BAD with
 * diag: the section is not valid BTF.
 */
int kt_image_btf(const struct kt_elf_section *section, struct btf **ret_btf,
		 struct kt_diag *diag) _kt_must_check_;
