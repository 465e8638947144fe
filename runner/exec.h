/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command of the user in a machine of its own: `ktest exec`. The machine is a clone of a
 * bake that is not primed, or boots from the same base; the program, its libraries and
 * the user's files are staged. Only the output of the command is printed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "machine/stage/stage.h"
#include "runner/exec-watch.h"
#include "vmm/vm.h"

/* Exit statuses of a program that runs another program, as in timeout(1) and env(1). */
enum kt_exec_exit {
	KT_EXEC_EXIT_SCHEDULER_DIED = 123, /* before the command ended */
	KT_EXEC_EXIT_TIMED_OUT = 124,
	KT_EXEC_EXIT_FAULT = 125,      /* fault of ktest, machine or host */
	KT_EXEC_EXIT_CANNOT_RUN = 126, /* the program exists and cannot be executed */
	KT_EXEC_EXIT_NOT_FOUND = 127,
	KT_EXEC_EXIT_SIGNAL = 128, /* plus the number of the signal */
};

struct kt_exec_request {
	const struct kt_kernel *kernel;
	/*
	 * The scheduler is attached before the command starts; the timeout is the command's.
	 * kt_exec() fills in kernel and build_id.
	 */
	struct kt_cell_wishes wishes;
	struct kt_stage_files *files; /* files to stage; kt_exec() adds the program */
	const char *const *argv;      /* NULL-terminated, at least 1 string */
	const char *const *env;	      /* "NAME=VALUE", NULL-terminated; NULL: none */
	/* The exit status is the command's even if the scheduler died. */
	bool allow_scheduler_death;
	const char *artifacts;	   /* folder for artefacts; NULL: the default */
	int in_fd, out_fd, err_fd; /* borrowed; standard streams of the command */
	bool terminal;		   /* they are a terminal, in raw mode while the command runs */
	/*
	 * A non-blocking signalfd(2). The first signal is sent to the command, the second ends
	 * the machine. With a terminal, the first signal ends the machine, and SIGWINCH updates
	 * the terminal's size.
	 */
	int signal_fd;
	/* Borrowed hooks; each may be NULL. */
	void (*on_console)(void *arg, const void *data, size_t len);
	void (*on_progress)(void *arg, const char *text);
	void (*on_start)(void *arg); /* right before the command starts */
	void *arg;
};

struct kt_exec_result {
	int exit;	     /* exit status for ktest */
	struct kt_diag diag; /* an error; may be empty */
	struct kt_exec_remarks remarks;
};

/* Runs the command. Faults are results, too: KT_EXEC_EXIT_FAULT. */
void kt_exec(struct kt_exec_result *ret_result, const struct kt_exec_request *request);
