/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Section .modinfo of a kernel module: texts "key=value" with a terminating 0, as scripts/mod/modpost.c
 * and MODULE_INFO() of the kernel's include/linux/module.h write them. Not trusted.
 */
#pragma once

#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_modinfo_condition {
	/* not a module of x86-64, or one without a whole .modinfo; with diag */
	KT_MODINFO_E_BAD = KT_CONDITION(MODINFO),
};

struct kt_modinfo {
	const char *text; /* borrowed from the module */
	size_t size;	  /* the last byte is 0 */
};

/* module: the unpacked file; borrowed for the life of the struct. */
int kt_modinfo_open(struct kt_modinfo *ret_info, const void *module, size_t size,
		    struct kt_diag *diag) _kt_must_check_;

/*
 * The value of `key` that follows `after`, a result of this function (NULL: the first). Borrowed
 * from the module; NULL: no more.
 */
const char *kt_modinfo_next(const struct kt_modinfo *info, const char *key, const char *after);
