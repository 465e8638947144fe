/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: is restoring reliable? Cycles of acquire, probe, release over the
 * cells of vCPUs x mode x load. Failures are counted, each with its cause, and
 * bound how often it can fail. What was not run is not a pass.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "proto/result.h"
#include "measure/gate/machines.h"
#include "measure/measured.h"

/* "fresh", "reuse"; "idle", "busy"; static. */
const char *kt_gate_mode_name(enum kt_gate_mode mode);
const char *kt_gate_load_name(enum kt_gate_load load);

struct kt_gate_request {
	struct kt_levels vcpus;
	bool modes[KT_GATE_MODE_COUNT_];
	bool loads[KT_GATE_LOAD_COUNT_];
	const char *scheduler; /* NULL: none */
	unsigned int cycles;   /* of each cell */
	unsigned int first;    /* number of the first one: with its seed, it is that one again */
	uint64_t seed;
	const char *keep_dir; /* folder to create that of the first failure in; NULL: default */
	const char *rerun;    /* command that repeats a cell, but for what the gate adds */
	/* Borrowed hooks; each may be NULL. */
	void (*on_progress)(void *arg, const struct kt_gate_cell *cell, unsigned int cycle);
	void (*on_failure)(void *arg, const struct kt_gate_cell *cell, unsigned int cycle,
			   const struct kt_diag *diag);
	bool (*is_cancelled)(void *arg); /* asked before each cycle */
	void *arg;
};

struct kt_gate_result {
	uint64_t wanted; /* cycles of all cells */
	uint64_t cycles; /* that ended, one way or the other */
	uint64_t failures;
	unsigned int bakes_failed;
	bool cancelled;
	struct kt_diag fault;	/* of the host, if it ended the gate */
	char kept[KT_PATH_MAX]; /* folder of the first failure; "" if there is none */
	struct kt_diag unkept;	/* why it could not be kept, if so */
};

/* How many samples there may be; beyond KT_SAMPLES_MAX it has to be done in parts. */
uint64_t kt_gate_samples(const struct kt_gate_request *request);

/* Fills in result and samples; measured is initialised. -ENOMEM and other faults of the host. */
int kt_gate_run(struct kt_gate_result *ret_result, struct kt_measured *measured,
		const struct kt_gate_request *request,
		const struct kt_gate_machines *machines) _kt_must_check_;

/*
 * PASS only if every cycle that was wanted was run and passed, and there was one.
 * FAIL: at least one failed. Else INCONCLUSIVE.
 */
enum kt_exit kt_gate_exit(const struct kt_gate_result *result);
