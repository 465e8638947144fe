/* SPDX-License-Identifier: GPL-2.0-only */
/* What is asked of a run: its cell, its artefacts, and who is told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "machine/fleet.h"
#include "machine/stage/stage.h"
#include "scenario/cell.h"

struct kt_run_request {
	const struct kt_cell *cell;
	const struct kt_kernel *kernel; /* the cell's */
	const char *artifacts;		/* folder to create the run's folder in; NULL: default */
	const struct kt_stage_files *files; /* further files for the guest; NULL: none */
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
