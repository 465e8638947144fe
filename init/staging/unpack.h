/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unpacks archives that the host stages after the boot, as the kernel unpacks an initramfs:
 * folders, regular files, symbolic links and device nodes, owned by root. A member replaces an
 * existing file; a folder stays a folder. No member lands outside of the root folder, whatever
 * symbolic links exist.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "init/staging/cpio-read.h"

struct kt_unpack {
	int root_fd; /* borrowed */
	int fd;	     /* regular file being written; -1: none */
	int dir_fd;  /* folder of the symbolic link being read; -1: none */
	struct kt_diag *diag;
	size_t target_len;
	char target[KT_CPIO_NAME_MAX];
	struct kt_cpio_reader reader;
};

enum kt_unpack_condition {
	KT_UNPACK_E_FAILED = KT_CONDITION(UNPACK), /* see diag */
};

/* root_fd: root folder of the archive; borrowed until kt_unpack_deinit(). */
void kt_unpack_init(struct kt_unpack *u, int root_fd);
void kt_unpack_deinit(struct kt_unpack *u);

/*
 * Unpacks the next piece. last: the archive must end with this piece. KT_UNPACK_E_FAILED, which
 * is final.
 */
int kt_unpack_feed(struct kt_unpack *u, const void *data, size_t len, bool last,
		   struct kt_diag *diag) _kt_must_check_;
