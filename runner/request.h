/* SPDX-License-Identifier: GPL-2.0-only */
/* The request for a run: cell, artefacts, and hooks for progress. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "machine/fleet.h"
#include "machine/stage/stage.h"
#include "scenario/cell.h"

struct kt_run_request {
	const struct kt_cell *cell;
	const struct kt_kernel *kernel;	    /* of the cell */
	const char *artifacts;		    /* parent of the artefacts' folder; NULL: default */
	const struct kt_stage_files *files; /* files to stage besides the scenario's; NULL: none */
	struct kt_fleet *fleet;		    /* source of the clone; borrowed; NULL: make one */
	struct kt_session *begun;	    /* from kt_run_begin(); consumed by kt_run() */
	bool keep_identity;		    /* clone: keeps the identity of the saved machine */
	bool keep;			    /* keep the initramfs among the artefacts */
	int cancel_fd;			    /* readable: cancelled; -1: none */
	/* Borrowed hooks; each may be NULL. */
	/* Bytes of the guest's console and of the scenario's body, at their arrival. */
	void (*on_console)(void *arg, const void *data, size_t len);
	void (*on_progress)(void *arg, const char *text);
	void *arg;
};
