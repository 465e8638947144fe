/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel modules that came with a kernel: the folder "modules" beside its image, as flat as
 * ktest's build makes it, or a tree of packed files as distributions have it. '-' and '_' are the
 * same in names of modules.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

enum kt_module_condition {
	KT_MODULE_E_NONE = KT_CONDITION(MODULE), /* the kernel has no module with this name */
	KT_MODULE_E_BAD,			 /* a damaged module, with diag */
};

struct kt_modules_folder {
	char dir[KT_PATH_MAX];
	struct kt_buf
		builtin;     /* modules.builtin: a path of each module that is part of the image */
	struct kt_buf files; /* paths of the modules of the tree, with 0; when looked for first */
	bool has_files;
};

#define KT_MODULES_FOLDER_INIT \
	((struct kt_modules_folder){ .builtin = KT_BUF_INIT(0), .files = KT_BUF_INIT(0) })

/* Opens the folder of modules of the kernel at `image`, which need not be there. Negative errno. */
int kt_modules_folder_open(struct kt_modules_folder *folder, const char *image) _kt_must_check_;
void kt_modules_folder_deinit(struct kt_modules_folder *folder);

/* Whether modules.builtin has the module. A folder without that file says of none that it is. */
bool kt_modules_folder_is_builtin(struct kt_modules_folder *folder, const char *name);

/*
 * Finds module `name` and formats the path of its file into buf of KT_PATH_MAX bytes; the file may
 * be packed. KT_MODULE_E_NONE, or negative errno with diag.
 */
int kt_modules_folder_find(char *buf, struct kt_modules_folder *folder, const char *name,
			   struct kt_diag *diag) _kt_must_check_;

/*
 * The same for the path of its .ko: a packed file is unpacked into "<dir>/.unpacked" the first
 * time. A kt_module_condition, or negative errno with diag.
 */
int kt_modules_folder_unpack(char *buf, struct kt_modules_folder *folder, const char *name,
			     struct kt_diag *diag) _kt_must_check_;

/* Whether both are names of the same module. */
bool kt_module_is_same(const char *a, const char *b);
