/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines as what a benchmark starts: cold boots, or clones of a bake. Each is
 * ready when a first command has been answered. Its phases add up to the whole.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "machine/session.h"

struct kt_bench_starter {
	struct kt_session_spec spec; /* of each */
	int cancel_fd;		     /* becomes readable to cancel, nothing reads it; -1: never */
	char release[KT_NAME_MAX];   /* filled in: of the guest's kernel, as it says */
};

/* As kt_bench_machines.start; arg is the starter. */
int kt_bench_start_all(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
		       struct kt_diag *diag) _kt_must_check_;
