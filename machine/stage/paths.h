/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where programs are on the host. ktest's own guest programs: "<root>/init/ktest-init" and
 * "<root>/schedulers/<name>". The root is $KTEST_LIBEXEC, else the build tree
 * this ktest lies in, else the installed folder.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

enum kt_paths_condition {
	KT_PATHS_E_NONE = KT_CONDITION(PATHS), /* no such program */
	KT_PATHS_E_UNFIT,		       /* it is there, and cannot be executed */
};

/* Each buf holds KT_PATH_MAX bytes. KT_PATHS_E_NONE with diag. */
int kt_paths_init(char *buf, struct kt_diag *diag) _kt_must_check_;
/* "<root>/measure/guest/gate-guest" */
int kt_paths_gate_guest(char *buf, struct kt_diag *diag) _kt_must_check_;
/* "<root>/bench/<name>" */
int kt_paths_bench(char *buf, const char *name, struct kt_diag *diag) _kt_must_check_;
/* binary: a path with a '/' is taken as it is, a name is looked up. */
int kt_paths_scheduler(char *buf, const char *binary, struct kt_diag *diag) _kt_must_check_;
/*
 * Any program of the host, looked up in PATH if its name has no '/'. The folder is
 * resolved, the last part stays as it was given. KT_PATHS_E_UNFIT, too, with diag.
 */
int kt_paths_program(char *buf, const char *name, struct kt_diag *diag) _kt_must_check_;
