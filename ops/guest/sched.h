/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scheduler processes in the guest: starting a staged one, confirming that the
 * kernel runs it, following its output and its death, ending it.
 *
 * The kernel tells of a scheduler in /sys/kernel/sched_ext: `state` and, while
 * one is loaded, `root/ops`. It sends a uevent when one is enabled and when one
 * is removed, which wakes the waits of exec.h; a tick covers kernels without
 * uevents and the moment between the uevent and the last change of `state`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "ops/exec.h"
#include "ops/guest/spawn.h"

#define KT_SCHED_LIVENESS_NS   KT_NSEC_PER_SEC /* a death before this is startup-died */
#define KT_SCHED_ATTACH_NS     (10 * KT_NSEC_PER_SEC)
#define KT_SCHED_DETACH_NS     (10 * KT_NSEC_PER_SEC) /* then SIGKILL, and as long again */
#define KT_SCHED_LAST_WORDS_NS (2 * KT_NSEC_PER_SEC)
#define KT_SCHED_TICK_NS       (5 * KT_NSEC_PER_MSEC)

/* What the kernel says about sched_ext at one moment. */
struct kt_scx_state {
	char state[32];	       /* "disabled", "enabling", "enabled", ...; "" if unreadable */
	char ops[KT_NAME_MAX]; /* root/ops; "" if there is none */
};

struct kt_scx_state kt_scx_state_read(void);
static inline bool kt_scx_state_is(const struct kt_scx_state *st, const char *state)
{
	return !__builtin_strcmp(st->state, state);
}

/* How long the parts of an op took; see struct kt_msg_op. */
struct kt_sched_times {
	uint64_t disable_ns, exit_ns, spawn_ns, attach_ns;
};

struct kt_sched {
	struct kt_exec *exec; /* borrowed */
	char name[KT_NAME_MAX];
	char ops[KT_NAME_MAX]; /* root/ops when it was attached */
	pid_t pid;	       /* 0: no process */
	pid_t group;	       /* what it has started may outlive it */
	int out_fds[2];	       /* its stdout and stderr; -1: closed */
	uint32_t spawn;	       /* sequence number of the process, from 1 */
	uint32_t attaches;     /* successful ones so far */
	uint32_t generation;   /* of this process; 0 until it was attached */
	bool attached;	       /* the kernel runs it, as far as we know */
	bool ending;	       /* ktest asked it to end */
	uint64_t spawned_ns;
	int status;		     /* wait status, once pid is 0 */
	struct kt_sched_times times; /* of the op that is under way */
	uint64_t end_ns;	     /* when it was asked to end */
	uint32_t log_bytes;	     /* sent of this process */
	struct kt_tail tail;
};

#define KT_SCHED_INIT(e) ((struct kt_sched){ .exec = (e), .out_fds = { -1, -1 } })

/* The generation that is live now; 0: the kernel's own scheduler. */
uint32_t kt_sched_live(const struct kt_sched *sched);

/*
 * Asks the kernel whether the attached scheduler is still live and takes note
 * when it is not. Returns whether it is live (false also if none was).
 */
bool kt_sched_check(struct kt_sched *sched);

/*
 * Ends the process, if any, and waits until the kernel is back under its own
 * scheduler: 0, or KT_EXEC_E_DEADLINE when it does not come to that.
 */
int kt_sched_end(struct kt_sched *sched) _kt_must_check_;

/*
 * After kt_sched_check() said that the scheduler is gone: lets its process
 * have its last words (it is ended if it has too many), reports the death and
 * waits for the kernel as kt_sched_end() does.
 */
int kt_sched_bury(struct kt_sched *sched) _kt_must_check_;

/* "exit status 1", "killed by signal 11 (SIGSEGV)"; buf of size bytes; returns buf. */
char *kt_wait_status_format(int status, char *buf, size_t size);
