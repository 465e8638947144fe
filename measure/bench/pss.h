/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of processes as proportional set size (PSS): a page that n processes map counts 1/n
 * in each. Pages that clones share are therefore counted once; the resident set size would
 * count them once per clone.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_pss_condition {
	KT_PSS_E_FORM =
		KT_CONDITION(PSS), /* not in the form of proc_pid_smaps(5) or proc_pid_stat(5) */
};

struct kt_pss {
	uint64_t bytes;
	uint64_t guest_bytes; /* part of bytes: guest memory that clones have written */
};

/* Adds the PSS of a smaps text. Returns 0 or KT_PSS_E_FORM. */
int kt_pss_parse(struct kt_pss *pss, const char *text) _kt_must_check_;

/*
 * Parses the parent's PID from the text of /proc/<pid>/stat. The process chooses its name, which
 * may contain blanks and parentheses. Returns 0 or KT_PSS_E_FORM.
 */
int kt_stat_parent(pid_t *ret_parent, const char *text) _kt_must_check_;

/*
 * Reads the PSS of this process and its children, the machines. A child that ends during the
 * call counts 0. Negative errno with diag.
 */
int kt_pss_read(struct kt_pss *ret_pss, struct kt_diag *diag) _kt_must_check_;
