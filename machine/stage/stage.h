/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Staging: selecting the files of one run (init, the scenario's schedulers, programs and
 * kernel modules, the user's --file options) and building them into archives.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "scenario/cell.h"

struct kt_stage_file {
	char *host;  /* absolute if the file exists; owned */
	char *guest; /* absolute; owned */
};

struct kt_stage_files {
	struct kt_stage_file list[KT_FILES_MAX];
	unsigned int count;
	bool late; /* unpacked after the boot, when no later mount can hide a file */
};

enum kt_stage_condition {
	/* not HOST:GUEST, or an impossible guest path */
	KT_STAGE_E_FORM = KT_CONDITION(STAGE),
	KT_STAGE_E_SETUP, /* a file to be staged is missing or unfit */
};

/*
 * Adds a file by "HOST:GUEST", split at the last ':'. The guest path must be absolute, without
 * ".", ".." or empty components, must not be in the list yet, and must not be hidden by ktest
 * or by a mount. The host's file need not exist. Returns 0, KT_STAGE_E_FORM with diag, or a
 * negative errno.
 */
int kt_stage_files_add(struct kt_stage_files *files, const char *text,
		       struct kt_diag *diag) _kt_must_check_;
void kt_stage_files_deinit(struct kt_stage_files *files);

struct kt_stage_request {
	const struct kt_cell *cell; /* kernel modules: folder "modules" beside the kernel */
	const struct kt_stage_files *files;
	const char *module; /* path of one more kernel module; NULL: none */
	/*
	 * Parts to build (kt_initramfs_part); 0: all, for one run. KT_INITRAMFS_BASE alone is
	 * for a machine that is saved: init then loads the modules before any job.
	 */
	unsigned int parts;
};

/* Whether the staged part is not empty. */
bool kt_stage_has_any(const struct kt_stage_request *request);

/*
 * Builds the parts of the request into one archive; the caller owns *ret_fd. Returns 0,
 * KT_STAGE_E_SETUP or a negative errno, both with diag.
 */
int kt_stage_build(int *ret_fd, const struct kt_stage_request *request,
		   struct kt_diag *diag) _kt_must_check_;
