/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inputs of a kernel build (sources, configuration fragment, compiler) and the key that
 * is their hash. Cheap: unpacks nothing and runs only "--version".
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/cache.h"
#include "kernel/source.h"

/* Conditions of a build, from kt_recipe_init() to kt_install_kernel(). */
enum kt_build_condition {
	KT_BUILD_E_SOURCE =
		KT_CONDITION(BUILD), /* no sources, or not Linux sources with sched_ext */
	KT_BUILD_E_KCONFIG,	     /* no fragment, or a malformed fragment */
	KT_BUILD_E_TOOLS,	     /* a program or header that a kernel build needs is missing */
	KT_BUILD_E_FAILED,	     /* a program of the build failed, or the kernel is unfit */
	KT_BUILD_E_CANCELLED,	     /* cancelled; the next build continues */
	KT_BUILD_E_RUNNING,	     /* kt_build_discard(): a build is running */
};

/* Path of ktest's own fragment: in the source tree, else where it was installed. Static. */
const char *kt_build_default_kconfig(void);

struct kt_recipe {
	struct kt_kernel_source source;
	struct kt_buf fragment; /* text of the fragment; owned */
	const char *kconfig;	/* path of the fragment; borrowed from the caller, or static */
	char kconfig_hash[KT_HASH_TEXT];
	char compiler[KT_TEXT_MAX]; /* "gcc (Debian ...) 12.2.0, pahole v1.24" */
	char key[KT_KERNEL_KEY_TEXT];
};

/*
 * Sets all members and checks that the programs for a build exist. source: a folder or a
 * tarball; NULL: the distribution's package. kconfig: file of the fragment; NULL: ktest's
 * own. KT_BUILD_E_SOURCE, KT_BUILD_E_KCONFIG or KT_BUILD_E_TOOLS with diag. The caller
 * calls kt_recipe_deinit() in any case.
 */
int kt_recipe_init(struct kt_recipe *recipe, const char *source, const char *kconfig,
		   struct kt_diag *diag) _kt_must_check_;
void kt_recipe_deinit(struct kt_recipe *recipe);
