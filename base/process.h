/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes of the host. A child dies with the thread that spawned it, not only
 * with the process (PR_SET_PDEATHSIG). A child inherits only the descriptors of its
 * kt_process_spec. A pidfd reports its end. Any thread may spawn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/error.h"

struct kt_process {
	pid_t pid; /* 0: none */
	int pidfd; /* readable: the process has ended; -1: none */
};

#define KT_PROCESS_INIT ((struct kt_process){ .pidfd = -1 })

struct kt_process_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *cwd;	 /* NULL: working directory of the caller */
	int stdin_fd;		 /* borrowed; -1: /dev/null */
	int stdout_fd;		 /* borrowed; -1: /dev/null */
	int stderr_fd;		 /* borrowed; -1: /dev/null */
	const int *keep_fds;	 /* borrowed; the child inherits them under the same numbers */
	unsigned int keep_fd_count;
	bool no_new_privs;
	bool new_group; /* own process group: Ctrl-C of a terminal does not reach the child */
};

enum kt_process_condition {
	KT_PROCESS_E_NONE = KT_CONDITION(PROCESS), /* no program has this name */
};

/* 0, KT_PROCESS_E_NONE, or negative errno, also of calls in the child up to execve(2). */
int kt_process_spawn(struct kt_process *ret_process,
		     const struct kt_process_spec *spec) _kt_must_check_;

/* Waits for the end of the process and reaps it; *ret_status: wait status. */
int kt_process_wait(struct kt_process *process, int *ret_status) _kt_must_check_;

/* Kills, reaps and closes. KT_PROCESS_INIT: no effect. */
void kt_process_kill(struct kt_process *process);

#define KT_PROCESS_BATCH 512 /* ranges in one system call; at most IOV_MAX */

/* Ranges of another process's memory that are read together, by process_vm_readv(2). */
struct kt_process_batch {
	pid_t pid;
	struct iovec local[KT_PROCESS_BATCH], remote[KT_PROCESS_BATCH];
	bool *read[KT_PROCESS_BATCH];
	size_t count; /* ranges that were added and not read */
};

/*
 * Adds a range, and reads all that were added once there are KT_PROCESS_BATCH. *ret_read: set to
 * true when the range has been read; it stays false where the process has no memory. `to` and
 * ret_read are borrowed until the range is read.
 */
int kt_process_batch_add(struct kt_process_batch *batch, uint64_t address, void *to, size_t len,
			 bool *ret_read) _kt_must_check_;
/* Reads what was added. Negative errno: the process has ended, or may not be read. */
int kt_process_batch_read(struct kt_process_batch *batch) _kt_must_check_;
