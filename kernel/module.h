/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel modules that came with a kernel: the folder "modules" beside its image, as flat as
 * ktest's build makes it, or a tree of packed files as distributions have it.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

enum kt_module_condition {
	KT_MODULE_E_NONE = KT_CONDITION(MODULE), /* the kernel has no module with this name */
	KT_MODULE_E_BAD,			 /* a damaged file, with diag */
};

/* Formats the path of the folder of modules of the kernel at `image` into buf of KT_PATH_MAX. */
int kt_kernel_modules_dir(char *buf, const char *image) _kt_must_check_;

/*
 * Finds module `name` of the folder and formats the path of its .ko into buf of KT_PATH_MAX bytes.
 * A packed file is unpacked into "<dir>/.unpacked" the first time. '-' and '_' are the same in the
 * names of files of a tree. A kt_module_condition, or negative errno with diag.
 */
int kt_kernel_module(char *buf, const char *dir, const char *name,
		     struct kt_diag *diag) _kt_must_check_;
