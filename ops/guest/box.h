/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A box: a cgroup of its own for what is started, so that all of it can be signalled,
 * and nothing of it can be left behind, whatever sessions it has made.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "ops/exec.h"

struct kt_box {
	int dir_fd;    /* the cgroup's folder, to fork into; -1: there is none */
	int events_fd; /* its cgroup.events */
	bool watched;
};

#define KT_BOX_INIT ((struct kt_box){ .dir_fd = -1, .events_fd = -1 })

/* Makes the cgroup at path unless it is there. Its parent must be. Negative errno. */
int kt_box_open(struct kt_box *box, const char *path) _kt_must_check_;
/* The cgroup stays. */
void kt_box_close(struct kt_box *box, struct kt_exec *exec);

/* Whether a process is in it, or in a cgroup below, that has not ended. */
bool kt_box_is_populated(const struct kt_box *box);

/* Kills all that is in it; they have not ended yet. Negative errno. */
int kt_box_kill(const struct kt_box *box) _kt_must_check_;
/* Sends a signal to each process that is in it now. Negative errno. */
int kt_box_signal(const struct kt_box *box, int sig) _kt_must_check_;

/*
 * Calls fn when it is populated and was not, and the reverse, until it is unwatched. A
 * change that comes after kt_box_is_populated() was asked is not missed.
 */
int kt_box_watch(struct kt_box *box, struct kt_exec *exec, void (*fn)(void *arg),
		 void *arg) _kt_must_check_;
void kt_box_unwatch(struct kt_box *box, struct kt_exec *exec);
