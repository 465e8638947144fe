/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of facts/ share. */
#pragma once

#include "monitor/facts/sched.h"

/* KT_SCHED_E_LACKS, with diag. */
int kt_sched_require(const struct kt_sched_view *sched, enum kt_sched_group group,
		     struct kt_diag *diag) _kt_must_check_;

/* kt_read_number() at a place; the 32-bit form cuts the value. */
int kt_sched_number(struct kt_sched_view *sched, uint64_t at, enum kt_sched_place place,
		    uint64_t *ret_value, struct kt_diag *diag) _kt_must_check_;
int kt_sched_number32(struct kt_sched_view *sched, uint64_t at, enum kt_sched_place place,
		      uint32_t *ret_value, struct kt_diag *diag) _kt_must_check_;

/* The variable of the first of the names (NULL-terminated) that the kernel has. KT_READER_E_SYMBOL. */
int kt_sched_variable(struct kt_sched_view *sched, const char *const *names, size_t size,
		      uint64_t *ret_value, struct kt_diag *diag) _kt_must_check_;
