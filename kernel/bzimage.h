/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compressed kernel image of x86 (bzImage, vmlinuz): finds the payload by the setup
 * header and unpacks it. Layout: Documentation/arch/x86/boot.rst of the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/decompress.h"

struct kt_bzimage {
	const uint8_t *payload; /* borrowed from the image */
	size_t payload_size;	/* bytes, without the size word behind it */
	uint32_t unpacked_size; /* value of the size word, bytes */
	const struct kt_compression *compression;
	char release[KT_NAME_MAX];
};

enum kt_bzimage_condition {
	KT_BZIMAGE_E_BAD = KT_CONDITION(BZIMAGE), /* diag names the malformed field */
};

/* Whether the image has the magic of the setup header. */
bool kt_bzimage_is(const void *image, size_t size);

/* Finds the payload. 0 or KT_BZIMAGE_E_BAD with diag. */
int kt_bzimage_parse(struct kt_bzimage *ret_bzimage, const void *image, size_t size,
		     struct kt_diag *diag) _kt_must_check_;

/*
 * Unpacks the payload into a memfd, *ret_fd, which the caller closes. Never writes more than
 * unpacked_size bytes. KT_BZIMAGE_E_BAD with diag: the payload does not unpack to unpacked_size
 * bytes.
 */
int kt_bzimage_unpack(const struct kt_bzimage *bzimage, int *ret_fd,
		      struct kt_diag *diag) _kt_must_check_;
