/* SPDX-License-Identifier: GPL-2.0-only */
/* The program of a command: its path on the host and its path in the guest. */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "machine/stage/stage.h"

enum kt_exec_program_condition {
	KT_EXEC_PROGRAM_E_NONE =
		KT_CONDITION(EXEC_PROGRAM), /* the program does not exist on the host */
	KT_EXEC_PROGRAM_E_UNFIT,	    /* the program cannot be executed or staged */
};

/*
 * Finds the program `name` and writes its path in the guest to path (KT_PATH_MAX bytes):
 *
 *   ":..."                  a built-in command of init; path is ""
 *   a staged file           by guest path or by its last component
 *   a program of the host   by path, or in PATH if name has no '/'; added to files at the
 *                           same path, a script together with its interpreter
 *
 * Returns 0, a kt_exec_program_condition or a negative errno, both with diag.
 */
int kt_exec_program(char *path, struct kt_stage_files *files, const char *name,
		    struct kt_diag *diag) _kt_must_check_;
