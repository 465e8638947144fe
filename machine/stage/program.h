/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the program of a command comes from, and where it lies in the guest. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "machine/stage/stage.h"

enum kt_exec_program_condition {
	KT_EXEC_PROGRAM_E_NONE = KT_CONDITION(EXEC_PROGRAM), /* no such program on the host */
	KT_EXEC_PROGRAM_E_UNFIT, /* it cannot be executed, or cannot be put into the guest */
};

/*
 * A name that begins with ':' is init's own. One of a file that is staged is that
 * file, by its path or by its last part. Any other is looked up on the host, in
 * PATH if it has no '/', and staged at the same path, a script with its
 * interpreter. path (KT_PATH_MAX bytes) is the one in the guest; "" for init's own.
 */
int kt_exec_program(char *path, struct kt_stage_files *files, const char *name,
		    struct kt_diag *diag) _kt_must_check_;
