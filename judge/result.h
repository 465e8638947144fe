/* SPDX-License-Identifier: GPL-2.0-only */
/* The result of one run: verdict, cause, figures and record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/fs.h"
#include "judge/contention.h"
#include "judge/record.h"
#include "proto/machine.h"
#include "proto/result.h"
#include "scenario/cell.h"

/* Exits of one vCPU, counted per reason. */
struct kt_run_exits {
	struct kt_vm_exits list[KT_VM_EXITS_MAX];
	unsigned int count;
};

/* Host CPU time and exits of one vCPU. */
struct kt_run_vcpu {
	struct kt_vcpu_stats stats;
	struct kt_run_exits exits;
	struct kt_run_exits boot_exits; /* exits before the host received HELLO */
};

#define KT_RERUN_MAX (64u << 10)

/* Start of the machine. Durations are ns of wall time. */
struct kt_run_start {
	bool clone;		    /* true: a clone of a bake; false: booted */
	bool rewound;		    /* an earlier run used the clone; a rewind preceded this run */
	bool attached;		    /* the bake has the boot scheduler attached */
	uint64_t age_ns;	    /* age of the bake, by CLOCK_REALTIME */
	bool baked_now;		    /* this run made the bake */
	char bake[KT_PATH_MAX];	    /* folder of the bake */
	char why[KT_DIAG_TEXT_MAX]; /* why the machine was booted, or the bake replaced; or "" */
	uint64_t bake_ns;	    /* to find or make the bake */
	struct kt_vm_restore_times restore;
	uint64_t open_ns;     /* to restore, in all */
	uint64_t ready_ns;    /* from the start of the restore to HELLO */
	uint64_t first_op_ns; /* from the start of the restore to the first message after JOB */
};

struct kt_run_result {
	const struct kt_cell *cell; /* cell of the run; borrowed */
	enum kt_verdict verdict;
	enum kt_outcome outcome;
	bool could_not_run;	      /* no verdict was possible: exit status 3 */
	struct kt_diag diag;	      /* fault of ktest or its host, if any */
	char cause[KT_DIAG_TEXT_MAX]; /* cause of the verdict */
	char artifacts[KT_PATH_MAX];  /* folder of the artefacts; "": none */
	char rerun[KT_RERUN_MAX];     /* command line that repeats the run */
	uint64_t wall_ns;
	uint64_t boot_ns; /* wall time from start or restore of the machine to HELLO */
	struct kt_run_start start;
	struct kt_run_vcpu *vcpus; /* owned; NULL: no machine was started */
	unsigned int vcpu_count;
	struct kt_contention contention; /* owned */
	struct kt_run_record record;	 /* owned */
};

void kt_run_result_deinit(struct kt_run_result *result);

/*
 * Contention: sum of the run delays of all vCPU threads / sum of their run times; 0
 * without run time.
 */
double kt_run_contention(const struct kt_run_result *result);

/* Exit status of `ktest run` for one result. */
enum kt_exit kt_run_exit(const struct kt_run_result *result);
