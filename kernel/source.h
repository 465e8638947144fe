/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel is made from, told apart by hash: equal hashes, equal kernel,
 * nothing to build.
 *
 * A tarball counts by its bytes. A source tree counts by the path, size and
 * time of modification of each of its files, version-control folders left out:
 * reading a million lines to find out that nothing changed would take longer
 * than it is worth, and a tree that is edited changes these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

#define KT_HASH_TEXT 33 /* 128 bits in hex, and a 0 */

struct kt_kernel_source {
	char path[KT_PATH_MAX]; /* absolute, links resolved */
	bool is_tree;		/* a folder; else a tarball */
	char hash[KT_HASH_TEXT];
};

enum kt_kernel_source_condition {
	/* no such file, or the distribution's package is not installed */
	KT_KERNEL_SOURCE_E_NONE = KT_CONDITION(KERNEL_SOURCE),
	/* not a kernel tree, or not one with sched_ext */
	KT_KERNEL_SOURCE_E_BAD,
};

/* path: NULL means the distribution's source package. Conditions NONE and BAD, with diag. */
int kt_kernel_source_identify(struct kt_kernel_source *ret_source, const char *path,
			      struct kt_diag *diag) _kt_must_check_;

/* Whether dir is the top of kernel sources that have sched_ext; condition BAD, with diag. */
int kt_kernel_source_check_tree(const char *dir, struct kt_diag *diag) _kt_must_check_;

/* XXH3-128 of the bytes, in hex. */
void kt_hash_bytes(const void *data, size_t len, char ret_text[KT_HASH_TEXT]);
