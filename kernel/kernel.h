/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest kernel: found in the cache or named by the user, and what it can do.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

struct kt_kernel {
	char path[KT_PATH_MAX];	   /* the image, vmlinux or bzImage */
	char release[KT_NAME_MAX]; /* "6.12.117"; "" if it cannot be told */
	char build_id[41];	   /* GNU build id in hex; "" if none */
	bool has_symtab;
	bool has_btf;
	bool has_sched_ext; /* its BTF has struct sched_ext_ops */
};

enum kt_kernel_condition {
	KT_KERNEL_E_NONE = KT_CONDITION(KERNEL), /* no kernel there: not built, or no such file */
	KT_KERNEL_E_IMAGE,			 /* not a kernel image ktest can boot */
	KT_KERNEL_E_UNFIT,			 /* no BTF or no sched_ext */
};

/*
 * Finds the guest kernel: `path` if not NULL, else $KTEST_KERNEL, else the
 * newest complete one in the cache. Opens it and fills in what it can do.
 * Conditions NONE and IMAGE, with diag.
 */
int kt_kernel_find(struct kt_kernel *ret_kernel, const char *path,
		   struct kt_diag *diag) _kt_must_check_;

/* Whether it can run sched_ext schedulers under ktest: 0, or UNFIT with diag. */
int kt_kernel_require(const struct kt_kernel *kernel, struct kt_diag *diag) _kt_must_check_;
