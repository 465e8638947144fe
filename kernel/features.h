/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ktest uses of a guest kernel, and what cannot be done with a kernel that lacks it. One
 * table; a kernel is looked up in its image (BTF, symbol table) and in its configuration, before
 * any machine boots it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"

enum kt_feature_need {
	KT_FEATURE_NEEDED, /* nothing can be run without it */
	KT_FEATURE_EITHER, /* nothing can be run without at least one of these */
	KT_FEATURE_USEFUL,
};

struct kt_feature {
	const char *name;
	enum kt_feature_need need;
	const char *cost;   /* what its absence costs */
	const char *option; /* "CONFIG_..." that brings it; NULL: no option does */
	const char *module; /* that ktest loads where the kernel has it as one; NULL: none */
};

enum kt_feature_state {
	KT_FEATURE_PRESENT, /* in the image */
	KT_FEATURE_LOADED,  /* a module beside the image, which ktest loads: as good as present */
	KT_FEATURE_MODULE,  /* a module of its own that is not there, or that ktest does not load */
	KT_FEATURE_ABSENT,
};

static inline bool kt_feature_is_there(enum kt_feature_state state)
{
	return state == KT_FEATURE_PRESENT || state == KT_FEATURE_LOADED;
}

#define KT_FEATURES 23 /* rows of the table */

struct kt_features {
	enum kt_feature_state states[KT_FEATURES];
	bool usable; /* ktest can run schedulers on the kernel */
	bool has_config;
};

/* A row of the table, from 0. Static. */
const struct kt_feature *kt_feature(size_t i);

/*
 * Looks at a kernel that kt_kernel_find() has found. The configuration is "config" or ".config"
 * beside the image, or, beside vmlinuz-RELEASE, config-RELEASE; without one the image alone counts,
 * and the modules beside it. KT_KERNEL_E_IMAGE with diag.
 */
int kt_features_read(struct kt_features *ret_features, const struct kt_kernel *kernel,
		     struct kt_diag *diag) _kt_must_check_;

enum kt_feature_way {
	KT_FEATURE_WAY_PCI,  /* virtio over PCI, as under tcg */
	KT_FEATURE_WAY_MMIO, /* virtio over MMIO, as under kvm */
};

/*
 * 0: a machine that talks to its guest in this way can boot the kernel at `image`; else
 * KT_KERNEL_E_UNFIT with diag, which names all that is missing. Takes some 30 ms.
 */
int kt_features_require(const char *image, enum kt_feature_way way,
			struct kt_diag *diag) _kt_must_check_;

/*
 * Looks at a configuration alone, of a kernel that is not compiled yet. ret_features: BTF and the
 * symbol table count as the options say, modules as if they were built; usable as for a kernel.
 */
void kt_features_of_config(struct kt_features *ret_features, const char *config);

/* Formats the path of the kernel's configuration into buf of KT_PATH_MAX bytes; "": none. */
int kt_kernel_config_path(char *buf, const struct kt_kernel *kernel) _kt_must_check_;
