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
#include "kernel/build.h"
#include "kernel/cache.h"
#include "kernel/source.h"

struct kt_recipe {
	struct kt_kernel_source source;
	struct kt_buf fragment; /* owned; text of the configuration fragment */
	const char *kconfig;	/* its path; borrowed from the spec, or static */
	char kconfig_hash[KT_HASH_TEXT];
	char compiler[KT_TEXT_MAX]; /* "gcc (Debian ...) 12.2.0, pahole v1.24" */
	char key[KT_KERNEL_KEY_TEXT];
};

/*
 * Fills in all of it from the spec's source and kconfig, and sees whether the
 * programs for a build are there. Conditions SOURCE, KCONFIG, TOOLS of
 * enum kt_build_condition, with diag. To be deinited in any case.
 */
int kt_recipe_init(struct kt_recipe *recipe, const struct kt_build_spec *spec,
		   struct kt_diag *diag) _kt_must_check_;
void kt_recipe_deinit(struct kt_recipe *recipe);
