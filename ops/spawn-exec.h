/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting a staged program in the guest; the folder it lies in is described
 * in proto/staging.h.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "ops/exec.h"

enum kt_spawn_condition {
	KT_SPAWN_E_FAILED = 1, /* not staged, or cannot be executed */
};

struct kt_spawn {
	pid_t pid;
	int out_fds[2]; /* read ends of its stdout and stderr, non-blocking; owned */
};

/*
 * Starts the program staged in folder dir. on_exit is called when it was
 * reaped. KT_SPAWN_E_FAILED with the reason in text (size bytes).
 */
int kt_spawn_staged(struct kt_spawn *ret_spawn, struct kt_exec *exec, const char *dir,
		    void (*on_exit)(void *arg, pid_t pid, int status), void *arg, char *text,
		    size_t size) _kt_must_check_;
