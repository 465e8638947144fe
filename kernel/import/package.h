/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the package files of distributions, by libarchive: .deb, .rpm, and packages that are a tar
 * file (.pkg.tar.zst of Arch, what the kernel's `make tarzst-pkg` makes). The format is told by
 * the content. Packages are hostile; gather.h bounds and checks what comes out of them. No
 * signature is checked.
 */
#pragma once

#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/import/gather.h"

enum kt_package_format {
	KT_PACKAGE_NONE, /* no package */
	KT_PACKAGE_DEB,
	KT_PACKAGE_RPM,
	KT_PACKAGE_TAR, /* packed or not */
};

enum kt_package_condition {
	KT_PACKAGE_E_BAD = KT_CONDITION(PACKAGE), /* damaged, or not what it seems to be */
};

enum kt_package_format kt_package_format(const void *data, size_t size);

/*
 * Takes the files of a kernel out of the package, of any format but KT_PACKAGE_NONE. A
 * kt_package_condition or kt_gather_condition, both with diag's cause, or negative errno.
 */
int kt_package_unpack(const void *data, size_t size, struct kt_gather *gather,
		      struct kt_diag *diag) _kt_must_check_;
