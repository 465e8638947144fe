/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate, the reliability test of restoring. A cycle is acquire, probe, release; the cells
 * are vCPUs x mode x load, and each cell runs the same number of cycles. The number of
 * failures gives an upper bound on the failure probability (measure/estimate.h). A cycle
 * that was not run does not count as passed.
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

/* "fresh" or "reuse", "idle" or "busy"; static. */
const char *kt_gate_mode_name(enum kt_gate_mode mode);
const char *kt_gate_load_name(enum kt_gate_load load);

struct kt_gate_request {
	struct kt_levels vcpus;
	bool modes[KT_GATE_MODE_COUNT_];
	bool loads[KT_GATE_LOAD_COUNT_];
	const char *scheduler; /* NULL: none */
	unsigned int cycles;   /* per cell */
	unsigned int first;    /* number of the first cycle; number and seed repeat a cycle */
	uint64_t seed;
	const char *keep_dir; /* parent of the folder for the first failure; NULL: default */
	const char *rerun; /* command that repeats the gate; the gate adds options for the cycle */
	/* Borrowed hooks; each may be NULL. */
	void (*on_progress)(void *arg, const struct kt_gate_cell *cell, unsigned int cycle);
	void (*on_failure)(void *arg, const struct kt_gate_cell *cell, unsigned int cycle,
			   const struct kt_diag *diag);
	bool (*is_cancelled)(void *arg); /* asked before each cycle */
	void *arg;
};

struct kt_gate_result {
	uint64_t wanted; /* requested cycles of all cells */
	uint64_t cycles; /* cycles that passed or failed */
	uint64_t failures;
	unsigned int bakes_failed;
	bool cancelled;
	struct kt_diag fault;	/* fault of the host that ended the gate; empty: none */
	char kept[KT_PATH_MAX]; /* folder of the first failure; "": none */
	struct kt_diag unkept;	/* why that folder could not be written; empty: no error */
};

/* Largest number of samples. A request beyond KT_SAMPLES_MAX has to be split by the user. */
uint64_t kt_gate_samples(const struct kt_gate_request *request);

/*
 * Runs all cycles, fills in the result, and adds the samples to measured, which the caller has
 * initialised. Negative errno: a fault of the host, in ret_result->fault, too.
 */
int kt_gate_run(struct kt_gate_result *ret_result, struct kt_measured *measured,
		const struct kt_gate_request *request,
		const struct kt_gate_machines *machines) _kt_must_check_;

/*
 * PASS: at least one cycle was requested, and all requested cycles passed. FAIL: at least one
 * cycle failed. INCONCLUSIVE otherwise.
 */
enum kt_exit kt_gate_exit(const struct kt_gate_result *result);
