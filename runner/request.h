/* SPDX-License-Identifier: GPL-2.0-only */
/* What is asked of a run: the scenario, the machine, and who is told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "machine/fleet.h"
#include "machine/stage/stage.h"
#include "scenario/scenario.h"
#include "vmm/vm.h"

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
