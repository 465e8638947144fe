/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting a staged program in the guest, and the last of what it says; the folder it
 * lies in is described in proto/staging.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "ops/exec.h"

enum kt_spawn_condition {
	KT_SPAWN_E_FAILED = KT_CONDITION(SPAWN), /* not staged, or cannot be executed */
	KT_SPAWN_E_AGAIN,			 /* it has not come to be executed yet */
};

struct kt_spawn_spec {
	const char *dir; /* it is staged in */
	int cgroup_fd;	 /* folder of the cgroup it is to be in; -1: that of init */
	bool one_output; /* stderr goes where stdout goes, so that their order is kept */
	void (*on_exit)(void *arg, pid_t pid, int status); /* when it was reaped */
	void *arg;
};

struct kt_spawn {
	pid_t pid;
	int out_fds[2]; /* read ends of its stdout and stderr, non-blocking; owned; -1: none */
	int sync_fd;	/* readable when it was executed, or could not be; owned */
};

/*
 * Forks a process that is to become the program. Until it is scheduled for the first
 * time it has not: kt_spawn_result() tells. KT_SPAWN_E_FAILED with the reason in text
 * (size bytes) if nothing is staged there.
 */
int kt_spawn_begin(struct kt_spawn *ret_spawn, struct kt_exec *exec,
		   const struct kt_spawn_spec *spec, char *text, size_t size) _kt_must_check_;

/*
 * Whether the last one that was begun is the program by now: waits for it, unless
 * sync_fd is non-blocking. KT_SPAWN_E_FAILED with the reason in text; KT_SPAWN_E_AGAIN.
 */
int kt_spawn_result(const struct kt_spawn *spawn, char *text, size_t size) _kt_must_check_;

/*
 * Starts a program and waits until it was executed, for ever: while no scheduler is
 * live. sync_fd is -1 then. KT_SPAWN_E_FAILED.
 */
int kt_spawn_staged(struct kt_spawn *ret_spawn, struct kt_exec *exec,
		    const struct kt_spawn_spec *spec, char *text, size_t size) _kt_must_check_;

void kt_spawn_close(struct kt_spawn *spawn);

/* ---- the end of its output, for messages ---- */

#define KT_TAIL_MAX 600

struct kt_tail {
	char text[KT_TAIL_MAX + 1];
	size_t len;
};

void kt_tail_keep(struct kt_tail *tail, const char *data, size_t len);
/* Appends "; its output ends: ..." to text (KT_TEXT_MAX bytes). */
void kt_tail_append(const struct kt_tail *tail, char *text);
