/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads newc cpio archives incrementally, in pieces of any size, and passes members to a sink.
 * Several archives may follow each other, with zeros between them, as in an initramfs.
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
	uint32_t mode;	  /* type and permissions */
	uint32_t size;	  /* bytes of data */
	uint32_t major_nr;
	uint32_t minor_nr;
};

/* A result other than 0 ends kt_cpio_read(), which returns it. */
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
	size_t left; /* missing bytes of the part */
	struct kt_cpio_member member;
	uint32_t name_bytes;
	bool ended;	 /* the last member was a trailer */
	const char *why; /* static */
	uint8_t header[KT_CPIO_HEADER_BYTES];
	char name[KT_CPIO_NAME_MAX];
};

void kt_cpio_reader_init(struct kt_cpio_reader *r, const struct kt_cpio_sink *sink, void *arg);

/* Reads the next piece. KT_CPIO_E_FORM, or the result of the sink; both are final. */
int kt_cpio_read(struct kt_cpio_reader *r, const void *data, size_t len) _kt_must_check_;

/* Whether the bytes so far form one or more whole archives. */
bool kt_cpio_read_is_whole(const struct kt_cpio_reader *r);
