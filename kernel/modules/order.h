/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules in the order in which they are to be loaded: each after those that it needs by its
 * .modinfo ("depends", and "softdep" before it). What is part of the kernel's image is left out, and
 * so is a needed module that the kernel does not have: the kernel that misses it says which symbol.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"
#include "kernel/modules/folder.h"

struct kt_module {
	char name[KT_NAME_MAX];
	char path[KT_PATH_MAX]; /* of its .ko, unpacked */
	bool optional;		/* a "softdep" alone: the others do without it */
};

struct kt_module_order {
	struct kt_module *list; /* owned */
	size_t count;
};

void kt_module_order_deinit(struct kt_module_order *order);

/*
 * Appends the module and, before it, what it needs, unless the list has them. A name that the
 * kernel does not have is KT_MODULE_E_NONE. Else a kt_module_condition or negative errno; all with
 * diag. KT_MODULE_E_BAD: a damaged module, modules that need each other, or more than
 * KT_MODULES_ALL_MAX.
 */
int kt_module_order_add(struct kt_module_order *order, struct kt_modules_folder *folder,
			const char *name, struct kt_diag *diag) _kt_must_check_;

/* The same for a name that may be that of nothing: KT_MODULE_E_NONE without diag. */
int kt_module_order_try(struct kt_module_order *order, struct kt_modules_folder *folder,
			const char *name, struct kt_diag *diag) _kt_must_check_;

/* The same for the module in the file at path, under the name `name`; what it needs is the kernel's. */
int kt_module_order_add_file(struct kt_module_order *order, struct kt_modules_folder *folder,
			     const char *name, const char *path,
			     struct kt_diag *diag) _kt_must_check_;
