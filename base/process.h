/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes of the host side. A child dies with the thread that spawned it, not
 * only with the process (PR_SET_PDEATHSIG), inherits no descriptor it was not given and
 * is watched through a pidfd. Any thread may spawn.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct kt_process {
	pid_t pid; /* 0: none */
	int pidfd; /* readable when it has ended; -1: none */
};

#define KT_PROCESS_INIT ((struct kt_process){ .pidfd = -1 })

struct kt_process_spec {
	const char *const *argv; /* argv[0] is looked up in PATH; NULL-terminated */
	const char *cwd;	 /* NULL: the caller's */
	int stdin_fd;		 /* borrowed; -1: /dev/null */
	int stdout_fd;		 /* borrowed; -1: /dev/null */
	int stderr_fd;		 /* borrowed; -1: /dev/null */
	const int *keep_fds;	 /* inherited under their own numbers */
	unsigned int keep_fd_count;
	bool no_new_privs;
	bool new_group; /* own process group: a terminal's Ctrl-C does not reach it */
};

enum kt_process_condition {
	KT_PROCESS_E_NONE = KT_CONDITION(PROCESS), /* no program has this name */
};

/* KT_PROCESS_E_NONE; negative errno of any call in the child up to execve(2). */
int kt_process_spawn(struct kt_process *ret_process,
		     const struct kt_process_spec *spec) _kt_must_check_;

/* Waits for the end and reaps; *ret_status as of waitpid(2). */
int kt_process_wait(struct kt_process *process, int *ret_status) _kt_must_check_;

/* SIGKILL, reap, close. Does nothing to a process that is none. */
void kt_process_kill(struct kt_process *process);
