/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes a kernel that others built into the cache. A kernel is given in parts: images, package
 * files, folders. The kernel's facts (release, BTF, sched_ext) come from its image alone.
 *
 * One import runs at a time and holds a lock of its own. A kernel appears in the cache complete or
 * not at all; what an interrupted import leaves in the work folder is removed by the next one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"

struct kt_import_spec {
	/*
	 * NULL-terminated. A file: vmlinux, bzImage, a package, or config... and System.map... by
	 * their names. A folder: /lib/modules/RELEASE, or any with a kernel's files; or one with
	 * boot/ or lib/modules/ in it. Else a kernel that the host has: "host", which is the one
	 * that runs, or a release.
	 */
	const char *const *parts;
	const char *root; /* where the host's kernels are; NULL: the host's "/" */
	/* Called with the parts' names before work that takes seconds. May be NULL. */
	void (*begin)(const char *names, void *data);
	void *data;
};

enum kt_import_condition {
	KT_IMPORT_E_NONE = KT_CONDITION(IMPORT), /* no file and no kernel has this name */
	KT_IMPORT_E_BAD,			 /* a damaged part, or none of a kernel */
	KT_IMPORT_E_NO_IMAGE,			 /* the parts have no image */
	KT_IMPORT_E_RELEASES,			 /* the parts are of two kernels */
	KT_IMPORT_E_UNFIT,			 /* the kernel has no BTF or no sched_ext */
};

/*
 * Imports the kernel, or finds it in the cache (*ret_existed). A kt_import_condition or negative
 * errno, both with diag.
 */
int kt_import_kernel(const struct kt_import_spec *spec, struct kt_cached_kernel *ret_kernel,
		     bool *ret_existed, struct kt_diag *diag) _kt_must_check_;
