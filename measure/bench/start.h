/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines for benchmarks that measure the start: cold boots, or clones of a bake. A start
 * ends with the end of the machine's first command; the phases add up to its time.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "machine/session.h"

struct kt_bench_starter {
	struct kt_session_spec spec; /* of each machine */
	int cancel_fd;		     /* readable: cancelled; never read from; -1: none */
	/* Read by the caller. */
	char release[KT_NAME_MAX]; /* of the guest's kernel, from HELLO */
};

/* The function `start` of kt_bench_machines; arg is a struct kt_bench_starter. */
int kt_bench_start_all(void *arg, unsigned int count, struct kt_bench_start *ret_starts,
		       struct kt_diag *diag) _kt_must_check_;
