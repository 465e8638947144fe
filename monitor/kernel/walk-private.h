/* SPDX-License-Identifier: GPL-2.0-only */
/* What the walks of walk.h share. */
#pragma once

#include "monitor/kernel/walk.h"

/* Sets the trail and why as the cause; the value is r. */
int kt_walk_fail(const struct kt_walk *walk, int r, const char *why, struct kt_diag *diag);

/* KT_WALK_E_LACKS, with diag. */
int kt_walk_require(const struct kt_walk *walk, enum kt_walk_group group,
		    struct kt_diag *diag) _kt_must_check_;

/* The number at a place in the struct at `at`. Conditions of kt_read_number(). */
int kt_walk_member(const struct kt_walk *walk, enum kt_walk_place place, uint64_t at,
		   uint64_t *ret_value, struct kt_diag *diag) _kt_must_check_;

/* Takes an element in; true: it has been seen. Finds a cycle of n elements within 3n steps. */
bool kt_seen_again(struct kt_seen *seen, uint64_t at);

/* Counts an element. KT_WALK_E_MANY. */
int kt_walk_count(const struct kt_walk *walk, size_t *count, size_t max,
		  struct kt_diag *diag) _kt_must_check_;
