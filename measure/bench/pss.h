/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of processes as their proportional set size: each page counts by its
 * share of those who map it. What clones share is counted once, which the
 * resident set would count for each.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_pss_condition {
	KT_PSS_E_FORM = KT_CONDITION(PSS), /* not of the form that proc_pid_smaps(5) has */
};

struct kt_pss {
	uint64_t bytes;
	uint64_t guest_bytes; /* of those, what guests of clones have written to */
};

/* Adds what the text of a smaps has, which need not end in a 0. */
int kt_pss_parse(struct kt_pss *pss, const char *text, size_t len) _kt_must_check_;

/*
 * The parent of a process, from the text of its /proc/<pid>/stat: the name in it
 * may have blanks and parentheses, and is what the process likes.
 */
int kt_stat_parent(pid_t *ret_parent, const char *text, size_t len) _kt_must_check_;

/*
 * Of this process and its children: those of our machines. A child that ends
 * meanwhile counts 0. Negative errno with diag.
 */
int kt_pss_read(struct kt_pss *ret_pss, struct kt_diag *diag) _kt_must_check_;
