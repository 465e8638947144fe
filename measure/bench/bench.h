/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The measuring loops. A round starts as many things at once as the level says;
 * its sample is the time of the slowest, because that is what whoever waits for
 * all of them has to wait. The first round of each level warms up and is not
 * counted.
 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "measure/bench/machines.h"
#include "measure/measured.h"

enum kt_bench_axis {
	KT_BENCH_SLOTS,	   /* slots of one machine */
	KT_BENCH_MACHINES, /* machines of one slot */
	KT_BENCH_VCPUS,	   /* vCPUs of one machine, a slot on each */
	KT_BENCH_AXIS_COUNT_,
};

enum kt_bench_axis_condition {
	KT_BENCH_AXIS_E_NONE = KT_CONDITION(BENCH_AXIS), /* no axis of this name */
};

/* "slots", "vms", "vcpus". 0 or KT_BENCH_AXIS_E_NONE. */
int kt_bench_axis_parse(enum kt_bench_axis *ret_axis, const char *name) _kt_must_check_;

struct kt_bench_request {
	enum kt_measured_kind kind; /* BOOT and RESTORE start machines, others run commands */
	enum kt_bench_axis axis;    /* MACHINES if they are started */
	struct kt_levels levels;
	unsigned int repeats;
	uint64_t seed;
	/* Of each command, up to 256 KiB, which need no credit in between; 0: it does nothing. */
	unsigned int output_bytes;
	void (*on_progress)(void *arg, unsigned int level, unsigned int repeat); /* or NULL */
	void *arg;
};

/*
 * Fills in what the request says, and the samples. measured is initialised; what
 * it has after a failure was measured before it, and `complete` is not set.
 * Conditions of kt_bench_condition, negative errno; with diag.
 */
int kt_bench_run(struct kt_measured *measured, const struct kt_bench_request *request,
		 const struct kt_bench_machines *machines, struct kt_diag *diag) _kt_must_check_;
