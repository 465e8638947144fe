/* SPDX-License-Identifier: GPL-2.0-only */
/* The first things PID 1 does, before anything can be reported but on the console. */
#pragma once

#include "base/diag.h"
#include "base/error.h"

enum kt_early_condition {
	KT_EARLY_E_FAILED = KT_CONDITION(EARLY), /* see diag */
};

/* Whether all of the initramfs was unpacked. 0, or KT_EARLY_E_FAILED. */
int kt_early_check_archive(struct kt_diag *diag) _kt_must_check_;

/* Mounts all file systems that a job may need. 0, or KT_EARLY_E_FAILED naming the first missing. */
int kt_early_mount(struct kt_diag *diag) _kt_must_check_;

/* Puts this process above every scheduler under test and out of the OOM killer's reach. */
int kt_early_protect(struct kt_diag *diag) _kt_must_check_;
