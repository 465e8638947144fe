/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run takes into its machine: init, the scenario's schedulers, programs
 * and kernel modules, and the files that the user names with --file.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/limits.h"
#include "scenario/cell.h"

struct kt_stage_file {
	char *host;  /* absolute if it was found; owned */
	char *guest; /* absolute; owned */
};

struct kt_stage_files {
	struct kt_stage_file list[KT_FILES_MAX];
	unsigned int count;
	bool late; /* unpacked after the boot: file systems for anybody's files hide none */
};

enum kt_stage_condition {
	/* not HOST:GUEST, or a guest path that cannot be had */
	KT_STAGE_E_FORM = KT_CONDITION(STAGE),
	KT_STAGE_E_SETUP, /* something to be staged is missing or unfit */
};

/*
 * Adds a file by "HOST:GUEST"; the last ':' parts them. The guest's path must be
 * absolute, plain (no ".", ".." or empty part), not taken by another file of the
 * list and not one that ktest or a mounted file system would hide. Whether the
 * file is there is not looked at. KT_STAGE_E_FORM with diag.
 */
int kt_stage_files_add(struct kt_stage_files *files, const char *text,
		       struct kt_diag *diag) _kt_must_check_;
void kt_stage_files_deinit(struct kt_stage_files *files);

struct kt_stage_request {
	const struct kt_cell *cell; /* its kernel's modules lie in "modules" beside the kernel */
	const struct kt_stage_files *files;
	const char *module; /* a kernel module beside the cell's; a path; NULL: none */
	/*
	 * What to build (machine/stage/initramfs.h); 0: all, for one run. The modules of a base
	 * alone, which is for a machine that is saved, are loaded before any job.
	 */
	unsigned int parts;
};

/* Whether anything is to be staged into a machine that was booted from its base. */
bool kt_stage_has_any(const struct kt_stage_request *request);

/*
 * Builds the initramfs, or a part of it; *ret_fd is the caller's. KT_STAGE_E_SETUP or negative
 * errno, with diag.
 */
int kt_stage_build(int *ret_fd, const struct kt_stage_request *request,
		   struct kt_diag *diag) _kt_must_check_;
