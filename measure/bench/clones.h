/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clones of baked machines as what a benchmark runs commands in: slots of one
 * machine, or several machines.
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
	/* What is wanted. */
	struct kt_cell cell;	   /* a machine for commands, unless the layout says its vCPUs */
	int cancel_fd;		   /* becomes readable to cancel, nothing reads it; -1: never */
	char release[KT_NAME_MAX]; /* filled in: of the guest's kernel, as it says */
	/* Private. */
	struct kt_stage_files files;
	int staged_fd;
	struct kt_baked baked;
	struct kt_bench_machine machines[KT_BENCH_MACHINES_MAX];
	unsigned int machine_count;
	unsigned int slots;
};

/* After what is wanted was filled in: stages the program. Negative, or a condition with diag. */
int kt_bench_clones_init(struct kt_bench_clones *clones, struct kt_diag *diag) _kt_must_check_;
void kt_bench_clones_deinit(struct kt_bench_clones *clones);

/* The bake of the machine of a cell; the caller's. */
int kt_bench_clones_bake(struct kt_baked *ret_baked, struct kt_vm_config *ret_config,
			 const struct kt_cell *cell, int cancel_fd,
			 struct kt_diag *diag) _kt_must_check_;

/* As those of kt_bench_machines; arg is the clones. */
int kt_bench_clones_open(void *arg, const struct kt_bench_layout *layout,
			 struct kt_diag *diag) _kt_must_check_;
int kt_bench_clones_run(void *arg, const struct kt_bench_command *commands,
			struct kt_bench_done *ret_done, unsigned int count,
			struct kt_diag *diag) _kt_must_check_;
int kt_bench_clones_memory(void *arg, struct kt_pss *ret_pss, struct kt_diag *diag) _kt_must_check_;
void kt_bench_clones_close(void *arg);
