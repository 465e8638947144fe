/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel shows of sched_ext in sysfs. */
#pragma once

#include <stdbool.h>

#include "base/limits.h"

#define KT_SCX_DIR "/sys/kernel/sched_ext/"

/* /sys/kernel/sched_ext at one moment. */
struct kt_scx_state {
	char state[32];	       /* "disabled", "enabling", "enabled", ...; "" if unreadable */
	char ops[KT_NAME_MAX]; /* root/ops; "" if no scheduler is loaded */
};

struct kt_scx_state kt_scx_state_read(void);

/* What the kernel's log says of schedulers, and sysfs does not. */
struct kt_scx_log {
	bool enabled; /* a scheduler was enabled, for however short a time */
	/*
	 * The last one was ended for a reason of the kernel's own, as at CPU hotplug, after which
	 * a loader is to attach again (SCX_ECODE_ACT_RESTART of kernel/sched/ext.c).
	 */
	bool asked;
};

/* Opens the log at its present end. -1: the kernel has none. */
int kt_scx_log_open(void);
/* Adds what the log has had since the last call. fd: may be -1. */
void kt_scx_log_read(struct kt_scx_log *log, int fd);

static inline bool kt_scx_state_is(const struct kt_scx_state *st, const char *state)
{
	return !__builtin_strcmp(st->state, state);
}
