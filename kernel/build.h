/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds a guest kernel from sources and a configuration fragment into the cache.
 *
 * One build runs at a time: ktest and every process of the build hold a lock on the
 * cache. An interrupted build leaves its object files in the cache's work folder, where
 * the next build of the same kernel continues. A kernel appears in the cache complete or
 * not at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"
#include "kernel/recipe.h"

enum kt_build_phase {
	KT_BUILD_WAIT,	    /* waits for the end of another build */
	KT_BUILD_UNPACK,    /* unpacks the tarball */
	KT_BUILD_CONFIGURE, /* makes .config from the fragment */
	KT_BUILD_COMPILE,   /* step `steps` of `steps_total`; both are estimates */
	KT_BUILD_INSTALL,   /* moves the kernel into the cache */
};

struct kt_build_progress {
	enum kt_build_phase phase;
	bool resumed;	   /* the build continues an earlier one */
	unsigned int jobs; /* parallel jobs of make */
	uint64_t steps, steps_total;
	uint64_t elapsed_ns; /* since the start of the phase */
	uint64_t left_ns;    /* estimate, KT_BUILD_COMPILE only; 0: none */
};

struct kt_build_spec {
	const char *source;  /* folder or tarball; NULL: the distribution's package */
	const char *kconfig; /* file of the fragment; NULL: ktest's own fragment */
	unsigned int jobs;   /* parallel jobs of make; 0: one per CPU of the host */
	int cancel_fd;	     /* readable: cancels the build; -1: none */
	/* Called at each phase, each line of output and about once per second. May be NULL. */
	void (*progress)(const struct kt_build_progress *progress, void *data);
	/* Called with one line for people that has no consequence. May be NULL. */
	void (*notice)(const char *text, void *data);
	void *data;
};

/*
 * Builds the kernel, or finds it in the cache (*ret_existed). Any kt_build_condition, with
 * diag, but KT_BUILD_E_RUNNING: waits for another build. build.log in the work folder has the whole output.
 */
int kt_build_kernel(const struct kt_build_spec *spec, struct kt_cached_kernel *ret_kernel,
		    bool *ret_existed, struct kt_diag *diag) _kt_must_check_;

/* Removes the work folder of key. KT_BUILD_E_RUNNING: no folder is removed while a build runs. */
int kt_build_discard(const char *key) _kt_must_check_;
