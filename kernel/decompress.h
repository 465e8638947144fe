/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decompresses one stream in memory: the payload of a bzImage, a kernel module. By libarchive,
 * whose decoders bound the memory that a hostile stream can demand (xz and lzma: 1 GiB, zstd:
 * 128 MiB).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"

struct kt_compression {
	const char *name;  /* "gzip", "zstd", ...; static */
	const char *magic; /* the first bytes of a stream */
	size_t magic_size;
	int filter; /* libarchive's code */
};

enum kt_decompress_condition {
	KT_DECOMPRESS_E_BAD = KT_CONDITION(DECOMPRESS), /* a damaged stream; diag says why */
	KT_DECOMPRESS_E_LARGE, /* more than max_bytes come out of the stream; with diag */
};

/* The format of a stream, by its first bytes. Static; NULL: of no known format. */
const struct kt_compression *kt_compression_of(const void *data, size_t size);

/*
 * Writes what comes out of the stream to fd, at its file offset, and at most max_bytes of it.
 * *ret_bytes: the number of bytes written.
 */
int kt_decompress(const struct kt_compression *compression, const void *data, size_t size, int fd,
		  uint64_t max_bytes, uint64_t *ret_bytes, struct kt_diag *diag) _kt_must_check_;
