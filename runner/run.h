/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of one scenario, from the record in the table to the verdict: stage,
 * boot, drive, collect, check, conclude. Nothing is printed here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "kernel/kernel.h"
#include "proto/result.h"
#include "runner/fleet.h"
#include "runner/record.h"
#include "runner/stage.h"
#include "scenario/scenario.h"
#include "vmm/vm.h"

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

struct kt_run_request {
	const struct kt_scenario *scenario;
	const struct kt_kernel *kernel;
	enum kt_accel accel;
	const char *accel_reason; /* why it is not kvm, when it was free to be; NULL */
	uint64_t timeout_ns;	  /* wall time of the run; 0: the scenario's */
	uint64_t seed;
	const char *artifacts;	    /* folder to create the run's folder in; NULL: default */
	const char *scheduler;	    /* binary in place of every declared scheduler's; NULL: none */
	const char *scheduler_name; /* what the user calls it; NULL: nothing */
	const char *const *scheduler_args;  /* its argv[1...], NULL-terminated; NULL: none */
	const struct kt_stage_files *files; /* further files for the guest; NULL: none */
	struct kt_limits limits;	    /* of the command line; 0: none */
	bool perf;			    /* a machine for measuring; see vm.h */
	bool cold;			    /* boot, whatever the scenario says */
	struct kt_fleet *fleet;		    /* takes clones from there; borrowed; NULL: make one */
	struct kt_session *begun;	    /* of kt_run_begin(); used or freed by kt_run() */
	bool keep_identity;		    /* a clone is called what its bake is called */
	bool keep;			    /* keep what the machine was booted from, too */
	int cancel_fd;			    /* becomes readable to cancel; -1: never */
	/* Borrowed hooks, each may be NULL. */
	/* What the guest's console and the scenario's body say, as it comes. */
	void (*on_console)(void *arg, const void *data, size_t len);
	void (*on_progress)(void *arg, const char *text);
	void *arg;
};

#define KT_RERUN_MAX (64u << 10)

/* What the machine began as, and how long that took; ns of wall time. */
struct kt_run_start {
	bool clone;		    /* of a bake; else it was booted */
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
	enum kt_verdict verdict;
	enum kt_outcome outcome;
	bool could_not_run;	      /* nothing was judged: exit status 3 */
	struct kt_diag diag;	      /* what went wrong outside the scenario, if anything */
	char cause[KT_DIAG_TEXT_MAX]; /* the verdict's cause in words */
	char artifacts[KT_PATH_MAX];  /* the run's folder; "" if there is none */
	char rerun[KT_RERUN_MAX];     /* command that repeats the run */
	uint64_t seed;
	uint64_t wall_ns;
	uint64_t boot_ns; /* wall time from start of the machine, or thaw, to HELLO */
	struct kt_run_start start;
	struct kt_run_vcpu *vcpus; /* owned; NULL if there was no machine */
	unsigned int vcpu_count;
	struct kt_run_record record; /* owned */
};

/*
 * Begins with the machine before all of the request is known: its scenario, accelerator,
 * and whether it is cold must be. NULL where nothing is gained by it. It is the caller's to
 * give to kt_run(), or to kt_session_free().
 */
struct kt_session *kt_run_begin(const struct kt_run_request *request);

/*
 * Runs it. Every way a run can end is a result; negative only when not even a
 * result could be made (out of memory).
 */
int kt_run(struct kt_run_result *ret_result, const struct kt_run_request *request) _kt_must_check_;
void kt_run_result_deinit(struct kt_run_result *result);

/*
 * How much the host kept the machine's vCPUs waiting: the run delay of all of
 * them over their run time; 0 if they did not run.
 */
double kt_run_contention(const struct kt_run_result *result);

/* Exit status for one result. */
enum kt_exit kt_run_exit(const struct kt_run_result *result);
