/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest kernel, from the cache or named by the user, and its features. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

struct kt_kernel {
	char path[KT_PATH_MAX];	   /* image: vmlinux or bzImage */
	char facts[KT_PATH_MAX];   /* image to read sections from: path, or vmlinux beside it */
	char release[KT_NAME_MAX]; /* "6.12.117"; "": unknown */
	char build_id[41];	   /* GNU build id in hex; "": none */
	bool has_symtab;
	bool has_btf;
	bool has_sched_ext; /* its BTF has struct sched_ext_ops */
};

enum kt_kernel_condition {
	KT_KERNEL_E_NONE = KT_CONDITION(KERNEL), /* no kernel was built, or no file has the path */
	KT_KERNEL_E_IMAGE,			 /* not a kernel image that ktest can boot */
	KT_KERNEL_E_UNFIT,			 /* the kernel has no BTF or no sched_ext */
};

/*
 * Finds the guest kernel: `path` if not NULL, an image or its folder; else $KTEST_KERNEL, else the
 * newest complete kernel in the cache, an imported one only if none was built. Reads the features
 * from the image. KT_KERNEL_E_NONE or KT_KERNEL_E_IMAGE with diag, or negative errno. What else a
 * kernel may be named by is in import/choose.h.
 */
int kt_kernel_find(struct kt_kernel *ret_kernel, const char *path,
		   struct kt_diag *diag) _kt_must_check_;

/* Formats the path of the image in the folder into buf of KT_PATH_MAX bytes. KT_KERNEL_E_NONE. */
int kt_kernel_image_in(char *buf, const char *dir) _kt_must_check_;

/*
 * Formats the path of the image that has the sections of the image at `path` into buf of
 * KT_PATH_MAX bytes: of a bzImage of the cache, the vmlinux beside it, which is unpacked already.
 */
int kt_kernel_facts_path(char *buf, const char *path) _kt_must_check_;

/* 0: sched_ext schedulers can run on the kernel; else KT_KERNEL_E_UNFIT with diag. */
int kt_kernel_require(const struct kt_kernel *kernel, struct kt_diag *diag) _kt_must_check_;
