/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The measuring loops. A round starts `level` commands or machines at the same time. The
 * sample of a round is the time of the slowest one, the waiting time of a user who needs
 * all of them. The first round of each level is a warm-up and is not counted.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "measure/measured.h"

enum kt_bench_axis {
	KT_BENCH_SLOTS,	   /* slots of one machine */
	KT_BENCH_MACHINES, /* machines with one slot each */
	KT_BENCH_VCPUS,	   /* vCPUs of one machine, one slot per vCPU */
	KT_BENCH_AXIS_COUNT_,
};

enum kt_bench_axis_condition {
	KT_BENCH_AXIS_E_NONE = KT_CONDITION(BENCH_AXIS), /* no axis of this name */
};

/* "slots", "vms", "vcpus". 0 or KT_BENCH_AXIS_E_NONE. */
int kt_bench_axis_parse(enum kt_bench_axis *ret_axis, const char *name) _kt_must_check_;

struct kt_bench_request {
	enum kt_measured_kind kind; /* BOOT and RESTORE start machines, the others run commands */
	enum kt_bench_axis axis;    /* KT_BENCH_MACHINES for BOOT and RESTORE */
	struct kt_levels levels;
	unsigned int repeats;
	uint64_t seed;
	/* Per command; at most 256 KiB, the initial credit; 0: the command does nothing. */
	unsigned int output_bytes;
	void (*on_progress)(void *arg, unsigned int level, unsigned int repeat); /* may be NULL */
	void *arg;
};

/*
 * Runs all rounds; copies axis, levels, repeats and seed of the request to measured, which the
 * caller has initialised, and adds the samples. After a failure, measured holds the samples
 * of the rounds before, and `complete` is false. Returns 0, a kt_bench_condition or a negative
 * errno, both with diag.
 */
int kt_bench_run(struct kt_measured *measured, const struct kt_bench_request *request,
		 const struct kt_bench_machines *machines, struct kt_diag *diag) _kt_must_check_;
