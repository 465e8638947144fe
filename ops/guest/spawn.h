/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a staged program in the guest, and keeps the end of its output for messages.
 * proto/staging.h describes the folder of a staged program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "ops/guest/pid1.h"

enum kt_spawn_condition {
	KT_SPAWN_E_FAILED = KT_CONDITION(SPAWN), /* not staged, or execve() failed; see text */
	KT_SPAWN_E_AGAIN,			 /* the child has not called execve() yet */
};

#define KT_SPAWN_PATH_MAX 512

/*
 * The path of the program that is staged in folder `dir`. KT_SPAWN_E_FAILED with the cause in text
 * (size bytes) if there is none.
 */
int kt_spawn_find(const char *dir, char path[KT_SPAWN_PATH_MAX], char *text,
		  size_t size) _kt_must_check_;

struct kt_spawn_spec {
	const char *dir; /* folder that the program is staged in */
	int cgroup_fd;	 /* folder of the program's cgroup; -1: the cgroup of init */
	bool one_output; /* stderr and stdout share a pipe, which keeps their order */
	void (*on_exit)(void *arg, pid_t pid, int status); /* called after reaping */
	void *arg;
};

struct kt_spawn {
	pid_t pid;
	int out_fds[2]; /* read ends of stdout and stderr, non-blocking; owned; -1: none */
	int sync_fd;	/* readable after execve() succeeded or failed; owned */
};

/*
 * Forks a child that becomes the program as soon as it is scheduled; kt_spawn_result() tells
 * whether it has. KT_SPAWN_E_FAILED with the cause in text (size bytes) if `dir` holds no
 * program. Negative errno.
 */
int kt_spawn_begin(struct kt_spawn *ret_spawn, struct kt_pid1 *pid1,
		   const struct kt_spawn_spec *spec, char *text, size_t size) _kt_must_check_;

/*
 * The result of execve() in the last child that was begun: 0, KT_SPAWN_E_FAILED with the cause
 * in text, or, if sync_fd is non-blocking, KT_SPAWN_E_AGAIN. Blocks otherwise.
 */
int kt_spawn_result(const struct kt_spawn *spawn, char *text, size_t size) _kt_must_check_;

/*
 * Starts a program and blocks until execve() returned a result; only for use while no scheduler
 * is live. sync_fd becomes -1. 0, KT_SPAWN_E_FAILED with the cause in text, or negative errno.
 */
int kt_spawn_staged(struct kt_spawn *ret_spawn, struct kt_pid1 *pid1,
		    const struct kt_spawn_spec *spec, char *text, size_t size) _kt_must_check_;

void kt_spawn_close(struct kt_spawn *spawn);

/* ---- the end of a program's output, for messages ---- */

#define KT_TAIL_MAX  4096
#define KT_TAIL_TOLD 600 /* of these, at most, kt_tail_append() quotes the last */

struct kt_tail {
	char text[KT_TAIL_MAX + 1];
	size_t len;
};

void kt_tail_keep(struct kt_tail *tail, const char *data, size_t len);
/* Appends "; its output ends: ..." to text, a buffer of KT_TEXT_MAX bytes. */
void kt_tail_append(const struct kt_tail *tail, char *text);
