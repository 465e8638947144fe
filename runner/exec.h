/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command of the user in a machine of its own: `ktest exec`. The machine is a
 * clone of a bake without a scenario, or boots from the same base; what the
 * command needs of the host is staged into it. Nothing is printed here but what
 * the command writes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "machine/stage/stage.h"
#include "vmm/vm.h"

/* Exit status of a program that runs another one, as of timeout(1) and env(1). */
enum kt_exec_exit {
	KT_EXEC_EXIT_TIMED_OUT = 124,
	KT_EXEC_EXIT_FAULT = 125,      /* of ktest, its machine or its host */
	KT_EXEC_EXIT_CANNOT_RUN = 126, /* the program is there and cannot be executed */
	KT_EXEC_EXIT_NOT_FOUND = 127,
	KT_EXEC_EXIT_SIGNAL = 128, /* and the number of the signal */
};

struct kt_exec_request {
	const struct kt_kernel *kernel;
	struct kt_cell_wishes wishes; /* the scheduler is attached before the command starts, and
				       * the timeout is the command's; the kernel's are filled in */
	struct kt_stage_files *files; /* further files; the program is added */
	const char *const *argv;      /* NULL-terminated, at least one */
	const char *const *env;	      /* "NAME=VALUE", NULL-terminated; NULL: none */
	int in_fd, out_fd, err_fd;    /* borrowed; its streams */
	bool terminal;		      /* they are a terminal, in raw mode while it runs */
	/*
	 * A signalfd(2), non-blocking. The first signal goes to the command, the second
	 * ends the machine; with a terminal the first does, but SIGWINCH tells its size.
	 */
	int signal_fd;
	/* Borrowed hooks, each may be NULL. */
	void (*on_console)(void *arg, const void *data, size_t len);
	void (*on_progress)(void *arg, const char *text);
	void (*on_start)(void *arg); /* right before the command starts */
	void *arg;
};

struct kt_exec_result {
	int exit;	     /* what ktest is to exit with */
	struct kt_diag diag; /* what went wrong, or is worth knowing; may be empty */
};

/* Every way it can end is a result. */
void kt_exec(struct kt_exec_result *ret_result, const struct kt_exec_request *request);
