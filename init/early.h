/* SPDX-License-Identifier: GPL-2.0-only */
/* The first steps of PID 1, while the console is the only way to report. */
#pragma once

#include "base/diag.h"
#include "base/error.h"

enum kt_early_condition {
	KT_EARLY_E_FAILED = KT_CONDITION(EARLY), /* see diag */
};

/* All functions return 0 or KT_EARLY_E_FAILED. */

/* Checks that the kernel unpacked the whole initramfs. */
int kt_early_check_archive(struct kt_diag *diag) _kt_must_check_;

/* Mounts the file systems that jobs use. */
int kt_early_mount(struct kt_diag *diag) _kt_must_check_;

/* Links /boot/config-RELEASE to the configuration that the host staged, if it did. */
int kt_early_link_config(struct kt_diag *diag) _kt_must_check_;

/*
 * Makes PID 1 SCHED_FIFO, above every scheduler under test, and exempt from the OOM killer; shows
 * the kernel's warnings on the console from now on.
 */
int kt_early_protect(struct kt_diag *diag) _kt_must_check_;
