/* SPDX-License-Identifier: GPL-2.0-only */
/* What one run came to: verdict and cause, and all that they follow from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/fs.h"
#include "judge/record.h"
#include "proto/machine.h"
#include "proto/result.h"
#include "scenario/cell.h"

/* Exits of a vCPU by reason. */
struct kt_run_exits {
	struct kt_vm_exits list[KT_VM_EXITS_MAX];
	unsigned int count;
};

/* What one vCPU used. */
struct kt_run_vcpu {
	struct kt_vcpu_stats stats;
	struct kt_run_exits exits;
	struct kt_run_exits boot_exits; /* those until HELLO had arrived */
};

#define KT_RERUN_MAX (64u << 10)

/* What the machine began as, and how long that took; ns of wall time. */
struct kt_run_start {
	bool clone;		    /* of a bake; else it was booted */
	bool rewound;		    /* ... and an earlier run had it before */
	bool attached;		    /* ... in which the boot scheduler was attached */
	uint64_t age_ns;	    /* ... and that was saved so long before; CLOCK_REALTIME */
	bool baked_now;		    /* the bake was made for this run */
	char bake[KT_PATH_MAX];	    /* its folder */
	char why[KT_DIAG_TEXT_MAX]; /* why it was not a clone, or a bake was made anew; or "" */
	uint64_t bake_ns;	    /* finding the bake, or making it */
	struct kt_vm_restore_times restore;
	uint64_t open_ns;     /* all of the restore */
	uint64_t ready_ns;    /* from its beginning until the agent had reported */
	uint64_t first_op_ns; /* ... until the guest had begun with the job */
};

struct kt_run_result {
	const struct kt_cell *cell; /* what was run; borrowed */
	enum kt_verdict verdict;
	enum kt_outcome outcome;
	bool could_not_run;	      /* nothing was judged: exit status 3 */
	struct kt_diag diag;	      /* what went wrong outside the scenario, if anything */
	char cause[KT_DIAG_TEXT_MAX]; /* the verdict's cause in words */
	char artifacts[KT_PATH_MAX];  /* the run's folder; "" if there is none */
	char rerun[KT_RERUN_MAX];     /* command that repeats the run */
	uint64_t wall_ns;
	uint64_t boot_ns; /* wall time from start of the machine, or thaw, to HELLO */
	struct kt_run_start start;
	struct kt_run_vcpu *vcpus; /* owned; NULL if there was no machine */
	unsigned int vcpu_count;
	struct kt_run_record record; /* owned */
};

void kt_run_result_deinit(struct kt_run_result *result);

/*
 * How much the host kept the machine's vCPUs waiting: the run delay of all of
 * them over their run time; 0 if they did not run.
 */
double kt_run_contention(const struct kt_run_result *result);

/* Exit status for one result. */
enum kt_exit kt_run_exit(const struct kt_run_result *result);
