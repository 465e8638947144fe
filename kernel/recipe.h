/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel is made from, and the key that follows from it: sources,
 * configuration fragment, compiler. Cheap: nothing is unpacked or run but
 * "--version".
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "kernel/cache.h"
#include "kernel/source.h"

/* How a build can end, from the recipe to the installation. */
enum kt_build_condition {
	KT_BUILD_E_SOURCE = KT_CONDITION(BUILD), /* no sources, or not such as will do */
	KT_BUILD_E_KCONFIG,			 /* no fragment, or not a fragment */
	KT_BUILD_E_TOOLS,     /* programs or headers that a kernel build needs are missing */
	KT_BUILD_E_FAILED,    /* a program of the build failed, or made an unfit kernel */
	KT_BUILD_E_CANCELLED, /* resumable */
};

/* Where ktest's own fragment is: beside its sources, else where it was installed. */
const char *kt_build_default_kconfig(void);

struct kt_recipe {
	struct kt_kernel_source source;
	struct kt_buf fragment; /* owned; text of the configuration fragment */
	const char *kconfig;	/* its path; borrowed from the caller, or static */
	char kconfig_hash[KT_HASH_TEXT];
	char compiler[KT_TEXT_MAX]; /* "gcc (Debian ...) 12.2.0, pahole v1.24" */
	char key[KT_KERNEL_KEY_TEXT];
};

/*
 * Fills in all of it and sees whether the programs for a build are there. source: a
 * folder or a tarball; NULL: the distribution's package. kconfig: the fragment's file;
 * NULL: ktest's own. Conditions SOURCE, KCONFIG, TOOLS, with diag. To be deinited in any
 * case.
 */
int kt_recipe_init(struct kt_recipe *recipe, const char *source, const char *kconfig,
		   struct kt_diag *diag) _kt_must_check_;
void kt_recipe_deinit(struct kt_recipe *recipe);
