/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading newc cpio archives as they arrive, in pieces of any size. Where the
 * members go is the caller's business. Several archives may follow each other,
 * with zeros between them, as in an initramfs.
 *
 * Layout: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KT_CPIO_HEADER_BYTES 110u
#define KT_CPIO_NAME_MAX     4096u /* with the 0, as in the kernel's unpacker */

struct kt_cpio_member {
	const char *name; /* borrowed from the reader until the member ends; never "" */
	uint32_t mode;	  /* with the type */
	uint32_t size;	  /* bytes of data that will come */
	uint32_t major_nr;
	uint32_t minor_nr;
};

/* Each returns 0 or what kt_cpio_read() is to return. */
struct kt_cpio_sink {
	int (*begin)(void *arg, const struct kt_cpio_member *member);
	int (*data)(void *arg, const void *data, size_t len);
	int (*end)(void *arg);
};

enum kt_cpio_condition {
	KT_CPIO_E_FORM = KT_CONDITION(CPIO), /* not a newc archive; see `why` */
};

enum kt_cpio_part {
	KT_CPIO_HEADER,
	KT_CPIO_NAME,
	KT_CPIO_NAME_PAD,
	KT_CPIO_DATA,
	KT_CPIO_DATA_PAD
};

struct kt_cpio_reader {
	const struct kt_cpio_sink *sink; /* borrowed */
	void *arg;			 /* borrowed */
	enum kt_cpio_part part;
	size_t left; /* bytes that the part still needs */
	struct kt_cpio_member member;
	uint32_t name_bytes;
	bool ended;	 /* the last member was a trailer */
	const char *why; /* static */
	uint8_t header[KT_CPIO_HEADER_BYTES];
	char name[KT_CPIO_NAME_MAX];
};

void kt_cpio_reader_init(struct kt_cpio_reader *r, const struct kt_cpio_sink *sink, void *arg);

/* Takes the next piece. KT_CPIO_E_FORM, or what the sink returned; either is final. */
int kt_cpio_read(struct kt_cpio_reader *r, const void *data, size_t len) _kt_must_check_;

/* Whether the bytes so far are whole archives, at least one. */
bool kt_cpio_read_is_whole(const struct kt_cpio_reader *r);
