/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedulers in the guest: starts a staged loader, confirms that the kernel runs its scheduler,
 * follows its output, notices its death, ends it.
 *
 * The kernel shows sched_ext in /sys/kernel/sched_ext: `state` and, while a scheduler is loaded,
 * `root/ops`. A uevent at enabling and at removal wakes the waits of pid1.h. A tick of
 * KT_SCHED_TICK_NS covers kernels without uevents, and the time between the uevent and the last
 * change of `state`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "ops/guest/pid1.h"
#include "ops/guest/sched/scx-state.h"
#include "ops/guest/spawn.h"

#define KT_SCHED_LIVENESS_NS   KT_NSEC_PER_SEC	      /* an earlier end is startup-died */
#define KT_SCHED_DETACH_NS     (10 * KT_NSEC_PER_SEC) /* until SIGKILL, and again after it */
#define KT_SCHED_LAST_WORDS_NS (2 * KT_NSEC_PER_SEC)
#define KT_SCHED_TICK_NS       (5 * KT_NSEC_PER_MSEC)

/* Durations of the parts of an op; see struct kt_msg_op. */
struct kt_sched_times {
	uint64_t disable_ns, exit_ns, spawn_ns, attach_ns;
};

struct kt_sched {
	struct kt_pid1 *pid1; /* borrowed */
	char name[KT_NAME_MAX];
	char ops[KT_NAME_MAX];	    /* root/ops at the attach */
	pid_t pid;		    /* loader; 0: no process */
	pid_t group;		    /* process group of the loader, which may outlive it */
	int out_fds[2];		    /* stdout and stderr of the loader; owned; -1: closed */
	uint32_t spawn;		    /* number of the spawn, from 1 */
	uint32_t attaches;	    /* successful attaches so far */
	uint32_t generation;	    /* of this spawn; 0 before its attach */
	bool attached;		    /* the kernel ran the scheduler at the last look */
	bool ending;		    /* ktest asked the scheduler to end */
	uint64_t attach_timeout_ns; /* that an attach may take; set by init */
	uint64_t spawned_ns;
	uint64_t gone_ns;  /* the attached scheduler was first seen gone; 0: never */
	uint64_t ended_ns; /* the loader's process was reaped; valid if pid is 0 */
	int status;	   /* wait status, valid if pid is 0 */
	enum kt_sched_end end;
	struct kt_sched_times times; /* parts of the current op */
	int log_fd;		     /* the kernel's log since the spawn; owned; -1: none */
	struct kt_scx_log log;	     /* read from it */
	uint64_t end_ns;	     /* when ktest asked the scheduler to end */
	uint32_t log_bytes;	     /* output of this spawn sent to the host */
	struct kt_tail tail;
};

#define KT_SCHED_INIT(e) ((struct kt_sched){ .pid1 = (e), .out_fds = { -1, -1 }, .log_fd = -1 })

/* The live generation; 0: the kernel's own scheduler. */
uint32_t kt_sched_live(const struct kt_sched *sched);

/*
 * Updates `attached` from the kernel's state. Returns whether the scheduler is live; false if
 * no scheduler was attached.
 */
bool kt_sched_check(struct kt_sched *sched);

/*
 * Ends the loader, if any, and waits until the kernel is back under its own scheduler. Returns
 * 0, KT_PID1_E_DEADLINE, KT_PID1_E_STOP or negative errno.
 */
int kt_sched_end(struct kt_sched *sched) _kt_must_check_;

/*
 * After kt_sched_check() returned false for an attached scheduler. If the kernel asked for a restart
 * and the loader attaches again in time, a new generation is live: `attached`. Otherwise waits up to
 * KT_SCHED_LAST_WORDS_NS for the loader to exit, reports the death, and ends the loader as
 * kt_sched_end(), with the same results.
 */
int kt_sched_bury(struct kt_sched *sched) _kt_must_check_;

/* Writes "exit status 1" or "killed by signal 11 (SIGSEGV)". size: bytes of buf. Returns buf. */
char *kt_wait_status_format(int status, char *buf, size_t size);
