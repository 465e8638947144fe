/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last step of a build: collects the files of a kernel from the object folder, checks
 * the kernel and moves the files into the cache.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"
#include "kernel/recipe.h"

/* Runs a program of the build; data: of struct kt_install. 0, a kt_build_condition or errno. */
typedef int kt_install_run_fn(const char *const *argv, const char *doing, void *data);

struct kt_install {
	const char *work; /* the work folder: "obj" is read, "stage" is replaced */
	bool has_modules; /* "obj" has kernel modules */
	kt_install_run_fn *run;
	void *data;
};

/*
 * Sets release, build_id, id and path of kernel from the image and from key; the caller has
 * set the other members. KT_BUILD_E_FAILED with diag: a program failed, or the kernel does
 * not fulfil kt_kernel_require(). Any condition of install->run.
 */
int kt_install_kernel(const struct kt_install *install, const char *key,
		      struct kt_cached_kernel *kernel, struct kt_diag *diag) _kt_must_check_;
