/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a compiled kernel's object folder to a kernel in the cache: collects
 * what is kept, looks at it, and gives it its name. The last step of a build.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"
#include "kernel/recipe.h"

/* Runs a program of the build; what data is to kt_install_kernel(). 0, or as kt_build_kernel(). */
typedef int kt_install_run_fn(const char *const *argv, const char *doing, void *data);

struct kt_install {
	const char *work; /* the work folder: "obj" is read, "stage" made anew */
	bool has_modules;
	kt_install_run_fn *run;
	void *data;
};

/*
 * kernel has all but release, build_id, id and path, which are found out from
 * the image; key completes the id. Condition KT_BUILD_E_FAILED, with diag: a
 * program failed, or the kernel would not do.
 */
int kt_install_kernel(const struct kt_install *install, const char *key,
		      struct kt_cached_kernel *kernel, struct kt_diag *diag) _kt_must_check_;
