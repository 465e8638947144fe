/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building a guest kernel from sources and a configuration fragment into the
 * cache.
 *
 * One build at a time: a lock on the cache is held by ktest and every process
 * of the build. What has been compiled survives an interruption in the cache's
 * work folder, where the next build of the same kernel finds it. A kernel
 * appears under its name complete or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/cache.h"
#include "kernel/recipe.h"

enum kt_build_phase {
	KT_BUILD_WAIT,	    /* for another build to end */
	KT_BUILD_UNPACK,    /* the tarball */
	KT_BUILD_CONFIGURE, /* fragment to .config */
	KT_BUILD_COMPILE,   /* steps of steps_total, both estimates */
	KT_BUILD_INSTALL,
};

struct kt_build_progress {
	enum kt_build_phase phase;
	bool resumed; /* an earlier build's work is being continued */
	unsigned int jobs;
	uint64_t steps, steps_total;
	uint64_t elapsed_ns; /* in this phase */
	uint64_t left_ns;    /* estimate for KT_BUILD_COMPILE; 0: none */
};

struct kt_build_spec {
	const char *source;  /* folder or tarball; NULL: the distribution's package */
	const char *kconfig; /* the fragment's file; NULL: ktest's own */
	unsigned int jobs;   /* 0: one for each CPU there is */
	int cancel_fd;	     /* ends the build when readable; -1: none */
	/* Both may be NULL. progress: at each phase, each line and about every second. */
	void (*progress)(const struct kt_build_progress *progress, void *data);
	void (*notice)(const char *text,
		       void *data); /* something worth a line, of no consequence */
	void *data;
};

/*
 * Builds, or finds that it is there already (*ret_existed). All conditions come
 * with diag. The whole output of the build is in the work folder's build.log.
 */
int kt_build_kernel(const struct kt_build_spec *spec, struct kt_cached_kernel *ret_kernel,
		    bool *ret_existed, struct kt_diag *diag) _kt_must_check_;

/*
 * Removes unfinished work. -EBUSY while a build is running, whichever it is.
 */
int kt_build_discard(const char *key) _kt_must_check_;
