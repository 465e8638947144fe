/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A box is the cgroup of one program or command. It finds every process that the program
 * started, in whatever session, to signal it or to kill what the program left behind.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "ops/guest/pid1.h"

struct kt_box {
	int dir_fd;    /* folder of the cgroup, for kt_pid1_fork_into(); owned; -1: no cgroup */
	int events_fd; /* cgroup.events; owned */
	bool watched;
};

#define KT_BOX_INIT ((struct kt_box){ .dir_fd = -1, .events_fd = -1 })

enum kt_box_condition {
	KT_BOX_E_NO_PARENT = KT_CONDITION(BOX), /* the cgroup above `path` does not exist */
};

/* Creates the cgroup at `path` unless it exists. KT_BOX_E_NO_PARENT, or negative errno. */
int kt_box_open(struct kt_box *box, const char *path) _kt_must_check_;
/* Closes descriptors; the cgroup stays. */
void kt_box_close(struct kt_box *box, struct kt_pid1 *pid1);

/* Whether the cgroup or a cgroup below has a live process. */
bool kt_box_is_populated(const struct kt_box *box);

/* Sends SIGKILL to all processes of the box; does not wait for their end. Negative errno. */
int kt_box_kill(const struct kt_box *box) _kt_must_check_;
/* Sends `sig` to the processes that are in the box now. Negative errno. */
int kt_box_signal(const struct kt_box *box, int sig) _kt_must_check_;

/*
 * Calls fn(arg) when kt_box_is_populated() changes, until kt_box_unwatch(). No change after
 * the last call of kt_box_is_populated() is missed. Negative errno.
 */
int kt_box_watch(struct kt_box *box, struct kt_pid1 *pid1, void (*fn)(void *arg),
		 void *arg) _kt_must_check_;
void kt_box_unwatch(struct kt_box *box, struct kt_pid1 *pid1);
