/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf.c, bpf-values.c and bpf-snapshot.c share. */
#pragma once

#include "monitor/facts/bpf.h"

/* KT_BPF_E_LACKS, with diag. */
int kt_bpf_require(const struct kt_bpf_view *view, enum kt_bpf_group group,
		   struct kt_diag *diag) _kt_must_check_;

/* kt_read_number() at a place; the 32-bit form cuts the value. */
int kt_bpf_number(struct kt_bpf_view *view, uint64_t at, enum kt_bpf_place place,
		  uint64_t *ret_value, struct kt_diag *diag) _kt_must_check_;
int kt_bpf_number32(struct kt_bpf_view *view, uint64_t at, enum kt_bpf_place place,
		    uint32_t *ret_value, struct kt_diag *diag) _kt_must_check_;

static inline struct kt_reader *kt_bpf_reader(struct kt_bpf_view *view)
{
	return view->sched->walk.reader;
}

static inline uint32_t kt_bpf_offset(const struct kt_bpf_view *view, enum kt_bpf_place place)
{
	return view->places[place].offset;
}
