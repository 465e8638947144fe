/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compressed kernel image of x86 (bzImage, vmlinuz): finding the payload by
 * the setup header, and unpacking it. Layout: the kernel's
 * Documentation/arch/x86/boot.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"

struct kt_bzimage {
	const uint8_t *payload; /* in the image */
	size_t payload_size;	/* without the size word behind it */
	uint32_t unpacked_size; /* as the size word says */
	const char *format;	/* "gzip", "zstd", ...; static */
	char release[KT_NAME_MAX];
};

enum kt_bzimage_condition {
	KT_BZIMAGE_E_BAD = KT_CONDITION(BZIMAGE), /* diag's cause names the field */
	KT_BZIMAGE_E_UNPACKER, /* the program that unpacks the payload is not installed */
};

/* Whether it has the setup header's magic at all. */
bool kt_bzimage_is(const void *image, size_t size);

/* Condition BAD. */
int kt_bzimage_parse(struct kt_bzimage *ret_bzimage, const void *image, size_t size,
		     struct kt_diag *diag) _kt_must_check_;

/*
 * Unpacks the payload into an anonymous memory file; gzip by zlib, the others
 * by the program that made them (zstd, xz, lz4, ...). Never writes more than
 * unpacked_size. Condition BAD: it does not unpack to that size. Condition
 * UNPACKER. Both with diag.
 */
int kt_bzimage_unpack(const struct kt_bzimage *bzimage, int *ret_fd,
		      struct kt_diag *diag) _kt_must_check_;
