/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths of programs on the host. ktest's own guest programs are "<root>/init/ktest-init" and
 * "<root>/schedulers/<name>"; <root> is $KTEST_LIBEXEC, else the build tree of the running
 * ktest, else the installed folder.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"

enum kt_paths_condition {
	KT_PATHS_E_NONE = KT_CONDITION(PATHS), /* the program does not exist */
	KT_PATHS_E_UNFIT,		       /* the program exists and cannot be executed */
};

/*
 * All functions write the path to buf (KT_PATH_MAX bytes) and return 0, KT_PATHS_E_NONE with
 * diag, or a negative errno.
 */
int kt_paths_init(char *buf, struct kt_diag *diag) _kt_must_check_;
/* "<root>/measure/guest/gate-guest" */
int kt_paths_gate_guest(char *buf, struct kt_diag *diag) _kt_must_check_;
/* "<root>/bench/<name>" */
int kt_paths_bench(char *buf, const char *name, struct kt_diag *diag) _kt_must_check_;
/* binary: a path if it contains '/', else the name of one of ktest's schedulers. */
int kt_paths_scheduler(char *buf, const char *binary, struct kt_diag *diag) _kt_must_check_;
/*
 * Any program of the host. name: a path if it contains '/', else looked up in PATH. Symbolic links
 * are resolved in the folder, not in the last component. Also KT_PATHS_E_UNFIT with diag.
 */
int kt_paths_program(char *buf, const char *name, struct kt_diag *diag) _kt_must_check_;
