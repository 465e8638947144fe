/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID 1 of the guest: its state, and the order in which its parts are used.
 *
 *   early.c      is the archive whole, mounts
 *   warm-up.c    what any job needs, before there is one: cgroups, BTF, modules
 *   channel.c    the control port
 *   exec.c       events and children: implements ops/exec.h
 *   clone.c      becoming a machine of its own after a restore
 *   staging/     what the host stages: archives, modules
 *   slot/        commands of the host
 *   terminal.c   of interactive commands
 *   job/         the job: stage, steps, body, snapshots, teardown (run.c)
 *   view.c       the machine as Linux sees it (sysfs.c), for the host
 *   last-words.c how it ends
 *
 * It has one thread. It runs as SCHED_FIFO, so that no scheduler under test can
 * keep it from reporting; its children do not inherit that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init/channel.h"
#include "init/slot/slots.h"
#include "init/job/snapshot.h"
#include "init/staging/unpack.h"
#include "ops/exec.h"
#include "ops/guest/sched.h"
#include "scenario/cell.h"

#define KT_INIT_WATCHES_MAX  128
#define KT_INIT_CHILDREN_MAX 1024

struct kt_init_watch {
	int fd; /* -1: free */
	void (*fn)(void *arg);
	void *arg;
};

struct kt_init_child {
	pid_t pid; /* 0: free */
	void (*fn)(void *arg, pid_t pid, int status);
	void *arg;
};

struct kt_exec {
	int epoll_fd;
	int signal_fd;	  /* SIGCHLD */
	int heartbeat_fd; /* timer, armed while something runs */
	bool beats;
	int uevent_fd; /* -1: the kernel has none; waits tick instead */
	struct kt_init_watch watches[KT_INIT_WATCHES_MAX];
	struct kt_init_child children[KT_INIT_CHILDREN_MAX];

	struct kt_channel channel;
	struct kt_unpack unpack;
	uint64_t staged_bytes;	   /* unpacked since the channel began */
	uint64_t start_ns;	   /* when PID 1 was started */
	struct kt_msg_hello hello; /* what is known of it before the save */
	bool has_job;
	bool primed; /* a job was staged, and its boot scheduler attached, for others to begin with */
	struct kt_msg_job job;
	struct kt_msg_thawed thawed; /* the last one; number 0: none yet */
	bool stop;		     /* the host asked for teardown */
	bool tear_down;		     /* it has begun: waits no longer end on `stop` */

	struct kt_cell cell; /* what the job is */
	struct kt_sched sched;
	struct kt_slots slots;
	char attach[KT_NAME_MAX]; /* what ATTACH asks for; "": nothing */
	bool attaching;
	struct kt_snapshot_sender snapshots;
	pid_t pulse_pid;	/* 0: none */
	uint32_t next_periodic; /* index of the next periodic snapshot's position */
	struct kt_msg_result result;
};

/* Sets up events and children. Negative errno. */
int kt_exec_init(struct kt_exec *exec) _kt_must_check_;

/* Says that it is ready for a job. */
void kt_init_hello(struct kt_exec *exec);

/* Starts to send heartbeats, until there is neither a job nor a command. */
int kt_exec_start_heartbeat(struct kt_exec *exec) _kt_must_check_;

/* Nobody wants to know of this child's end any more. */
void kt_exec_forget(struct kt_exec *exec, pid_t pid);

/* Attaches the scheduler that ATTACH asks for, and answers. */
void kt_run_attach(struct kt_exec *exec);

/* Runs the job that was received, up to and including teardown. Fills in exec->result. */
void kt_run_job(struct kt_exec *exec);
