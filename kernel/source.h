/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sources of a kernel and their hash. Equal hashes mean equal kernels, so that nothing
 * has to be built.
 *
 * The hash of a tarball is that of its bytes. The hash of a source tree covers path, size
 * and modification time of each file outside version-control folders, because an edit
 * changes them and reading the contents of a whole tree is slow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

#define KT_HASH_TEXT 33 /* 128 bits in hex, bytes with 0 */

struct kt_kernel_source {
	char path[KT_PATH_MAX]; /* absolute, without symbolic links */
	bool is_tree;		/* true: a folder; false: a tarball */
	char hash[KT_HASH_TEXT];
};

enum kt_kernel_source_condition {
	/* no file has this path, or the distribution's package is not installed */
	KT_KERNEL_SOURCE_E_NONE = KT_CONDITION(KERNEL_SOURCE),
	/* not a kernel tree, or a tree without sched_ext */
	KT_KERNEL_SOURCE_E_BAD,
};

/*
 * path NULL: the distribution's source package. A kt_kernel_source_condition, or a negative errno,
 * both with diag.
 */
int kt_kernel_source_identify(struct kt_kernel_source *ret_source, const char *path,
			      struct kt_diag *diag) _kt_must_check_;

/* 0: dir is the top folder of kernel sources with sched_ext; else KT_KERNEL_SOURCE_E_BAD. */
int kt_kernel_source_check_tree(const char *dir, struct kt_diag *diag) _kt_must_check_;

/* XXH3-128 of len bytes, in hex. */
void kt_hash_bytes(const void *data, size_t len, char ret_text[KT_HASH_TEXT]);
