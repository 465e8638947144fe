/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fetches a ready kernel of the distribution into the cache, by apt and its archive's keys. apt works
 * with lists, state and a cache of its own in "<cache>/kernels/.fetch/": the system's configuration
 * of packages stays as it is, and nothing is installed. Today: Debian, whose backports have kernels
 * with sched_ext, BTF, virtio-pci and virtio-console built in (flavour cloud-amd64).
 *
 * One fetch runs at a time. Only a complete import (import.h) appears in the cache; what an
 * interrupted fetch leaves is removed by the next one.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"

struct kt_fetch_spec {
	/* "7.3", "7.3.4+deb13-cloud-amd64": a release or its beginning; NULL: the latest one. */
	const char *version;
	/* Called with "fetch linux-..." and the like before work that takes seconds. May be NULL. */
	void (*begin)(const char *what, void *data);
	void *data;
};

enum kt_fetch_condition {
	KT_FETCH_E_SYSTEM = KT_CONDITION(FETCH), /* no apt, or a distribution that is not known */
	KT_FETCH_E_NONE,			 /* the archive has no such kernel */
	KT_FETCH_E_APT,				 /* apt failed: diag has its words */
};

/*
 * Fetches and imports a kernel, or finds it in the cache (*ret_existed); a given version that is
 * there needs no network. A kt_fetch_condition, a kt_import_condition or negative errno, all with
 * diag.
 */
int kt_fetch_kernel(const struct kt_fetch_spec *spec, struct kt_cached_kernel *ret_kernel,
		    bool *ret_existed, struct kt_diag *diag) _kt_must_check_;
