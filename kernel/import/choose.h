/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel that a user means, whatever it is named by. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"

struct kt_kernel_choice {
	/*
	 * An image or its folder, by path; the id of a kernel of the cache, or the beginning of
	 * one; or, separated by commas, what kt_import_kernel() takes. NULL: $KTEST_KERNEL, which
	 * is the same, else a kernel of the cache as in kt_kernel_find().
	 */
	const char *word;
	/* Called before a kernel is imported, which takes seconds. May be NULL. */
	void (*begin)(const char *names, void *data);
	void *data;
};

/*
 * Finds the kernel and reads its features; imports it into the cache if need be. KT_KERNEL_E_NONE,
 * KT_KERNEL_E_IMAGE or KT_KERNEL_E_UNFIT with diag, or negative errno.
 */
int kt_kernel_choose(struct kt_kernel *ret_kernel, const struct kt_kernel_choice *choice,
		     struct kt_diag *diag) _kt_must_check_;
