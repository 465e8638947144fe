/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clones for benchmarks that run commands: one clone with several slots, or several clones
 * with one slot each.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "machine/baking.h"
#include "measure/bench/machine.h"
#include "measure/bench/machines.h"
#include "machine/stage/stage.h"
#include "scenario/cell.h"

struct kt_bench_clones {
	/* Set by the caller. */
	struct kt_cell cell; /* machine of the clones; layout.vcpus overrides its topology */
	int cancel_fd;	     /* readable: cancelled; never read from; -1: none */
	/* Read by the caller. */
	char release[KT_NAME_MAX]; /* of the guest's kernel, from HELLO */
	/* Private. */
	struct kt_stage_files files;
	int staged_fd;
	struct kt_baked baked;
	struct kt_bench_machine machines[KT_BENCH_MACHINES_MAX];
	unsigned int machine_count;
	unsigned int slots;
};

/*
 * Builds the archive with the benchmark's program. The caller has set cell and cancel_fd. Returns
 * 0, a kt_bench_condition or a negative errno, both with diag.
 */
int kt_bench_clones_init(struct kt_bench_clones *clones, struct kt_diag *diag) _kt_must_check_;
void kt_bench_clones_deinit(struct kt_bench_clones *clones);

/*
 * Finds or makes the bake of a cell's machine; the caller owns *ret_baked. Returns 0, a
 * kt_bench_condition or a negative errno, both with diag.
 */
int kt_bench_clones_bake(struct kt_baked *ret_baked, struct kt_vm_config *ret_config,
			 const struct kt_cell *cell, int cancel_fd,
			 struct kt_diag *diag) _kt_must_check_;

/* The functions of kt_bench_machines; arg is a struct kt_bench_clones. */
int kt_bench_clones_open(void *arg, const struct kt_bench_layout *layout,
			 struct kt_diag *diag) _kt_must_check_;
int kt_bench_clones_run(void *arg, const struct kt_bench_command *commands,
			struct kt_bench_done *ret_done, unsigned int count,
			struct kt_diag *diag) _kt_must_check_;
int kt_bench_clones_memory(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag) _kt_must_check_;
void kt_bench_clones_close(void *arg);
